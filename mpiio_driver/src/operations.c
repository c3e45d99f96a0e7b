/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The table by which ROMIO finds the driver. It has an entry for this name already, with the prefix "daos:". */
#include "driver.h"

static int set_lock(ADIO_File fd, int command, int type, ADIO_Offset offset, int whence, ADIO_Offset length)
{
	(void)fd, (void)command, (void)type, (void)offset, (void)whence, (void)length;
	return 0;
}

struct ADIOI_Fns_struct ADIO_DAOS_operations = {
	.ADIOI_xxx_Open = mpiio_open_alone,
	.ADIOI_xxx_OpenColl = mpiio_open_all,
	.ADIOI_xxx_ReadContig = mpiio_read,
	.ADIOI_xxx_WriteContig = mpiio_write,
	.ADIOI_xxx_ReadStridedColl = mpiio_read_all,
	.ADIOI_xxx_WriteStridedColl = mpiio_write_all,
	.ADIOI_xxx_SeekIndividual = ADIOI_GEN_SeekIndividual,
	.ADIOI_xxx_Fcntl = mpiio_control,
	.ADIOI_xxx_SetInfo = mpiio_set_hints,
	.ADIOI_xxx_ReadStrided = mpiio_read_strided,
	.ADIOI_xxx_WriteStrided = mpiio_write_strided,
	.ADIOI_xxx_Close = mpiio_close,
	.ADIOI_xxx_IreadContig = mpiio_start_read,
	.ADIOI_xxx_IwriteContig = mpiio_start_write,
	.ADIOI_xxx_ReadDone = ADIOI_FAKE_IODone,
	.ADIOI_xxx_WriteDone = ADIOI_FAKE_IODone,
	.ADIOI_xxx_ReadComplete = ADIOI_FAKE_IOComplete,
	.ADIOI_xxx_WriteComplete = ADIOI_FAKE_IOComplete,
	.ADIOI_xxx_IreadStrided = mpiio_start_read_strided,
	.ADIOI_xxx_IwriteStrided = mpiio_start_write_strided,
	.ADIOI_xxx_Flush = mpiio_flush,
	.ADIOI_xxx_Resize = mpiio_resize,
	.ADIOI_xxx_Delete = mpiio_delete,
	.ADIOI_xxx_Feature = mpiio_feature,
	.fsname = "DAOS: POSIX containers by libdfs",
	.ADIOI_xxx_IreadStridedColl = mpiio_start_read_strided,
	.ADIOI_xxx_IwriteStridedColl = mpiio_start_write_strided,
	.ADIOI_xxx_SetLock = set_lock,
};
