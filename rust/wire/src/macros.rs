//! Messages as plain structs and enums whose fields are written in their order.

/// Structs whose fields all have a form on the wire.
macro_rules! wire_structs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $crate::Wire for $name {
            fn encode(&self, _writer: &mut $crate::Writer) {
                $($crate::Wire::encode(&self.$field, _writer);)*
            }
            fn decode(_reader: &mut $crate::Reader<'_>) -> daos_status::Result<Self> {
                Ok($name { $($field: $crate::Wire::decode(_reader)?,)* })
            }
        }
    )*};
}

/// Enums whose variants begin with their number and hold one value or none.
macro_rules! wire_enums {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $(($type:ty))? = $number:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug)]
        pub enum $name {
            $($(#[$variant_doc])* $variant $(($type))?,)*
        }

        impl $crate::Variants for $name {
            fn number(&self) -> u8 {
                match self {
                    $($crate::macros::any_pattern!($name $variant $($type)?) => $number,)*
                }
            }
            fn encode_content(&self, _writer: &mut $crate::Writer) {
                match self {
                    $($crate::macros::pattern!($name $variant value $($type)?) => {
                        $crate::macros::encode_value!(_writer value $($type)?);
                    })*
                }
            }
            fn decode_content(number: u8, _reader: &mut $crate::Reader<'_>) -> daos_status::Result<Option<Self>> {
                match number {
                    $($number => Ok(Some($crate::macros::construct!($name $variant _reader $($type)?))),)*
                    _ => Ok(None),
                }
            }
        }

        impl $crate::Wire for $name {
            fn encode(&self, writer: &mut $crate::Writer) {
                $crate::Wire::encode(&$crate::Variants::number(self), writer);
                $crate::Variants::encode_content(self, writer);
            }
            fn decode(reader: &mut $crate::Reader<'_>) -> daos_status::Result<Self> {
                let number = <u8 as $crate::Wire>::decode(reader)?;
                match $crate::Variants::decode_content(number, reader)? {
                    Some(value) => Ok(value),
                    None => daos_status::fail!(
                        daos_status::Code::Proto, "{number} is no variant of {}", stringify!($name)
                    ),
                }
            }
        }
    )*};
}

macro_rules! any_pattern {
    ($name:ident $variant:ident) => {
        $name::$variant
    };
    ($name:ident $variant:ident $type:ty) => {
        $name::$variant(_)
    };
}

macro_rules! pattern {
    ($name:ident $variant:ident $value:ident) => {
        $name::$variant
    };
    ($name:ident $variant:ident $value:ident $type:ty) => {
        $name::$variant($value)
    };
}

macro_rules! encode_value {
    ($writer:ident $value:ident) => {};
    ($writer:ident $value:ident $type:ty) => {
        $crate::Wire::encode($value, $writer)
    };
}

macro_rules! construct {
    ($name:ident $variant:ident $reader:ident) => {
        $name::$variant
    };
    ($name:ident $variant:ident $reader:ident $type:ty) => {
        $name::$variant($crate::Wire::decode($reader)?)
    };
}

pub(crate) use {any_pattern, construct, encode_value, pattern, wire_enums, wire_structs};
