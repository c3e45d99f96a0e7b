//! Enums whose variants are numbers on the wire, on media, or in the C API.

/// An enum of which each variant is a number, and what turns numbers into variants: one list says both.
///
/// ```
/// daos_types::numbered! {
///     /// A colour.
///     pub enum Colour: u8 {
///         /// Like blood.
///         Red = 1,
///         /// Like the sky.
///         Blue = 4,
///     }
/// }
/// assert_eq!(Colour::from_number(4), Some(Colour::Blue));
/// assert_eq!(Colour::from_number(2), None);
/// assert_eq!(Colour::Red.number(), 1);
/// assert_eq!(Colour::ALL, [Colour::Red, Colour::Blue]);
/// ```
#[macro_export]
macro_rules! numbered {
    ($(#[$doc:meta])* $visibility:vis enum $name:ident: $number:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $value:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr($number)]
        $visibility enum $name {
            $($(#[$variant_doc])* $variant = $value,)*
        }

        impl $name {
            /// Every variant, in the order of the list.
            $visibility const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The variant of a number, if it is one.
            #[inline]
            $visibility const fn from_number(number: $number) -> Option<$name> {
                match number {
                    $($value => Some($name::$variant),)*
                    _ => None,
                }
            }

            /// Its number.
            #[inline]
            $visibility const fn number(self) -> $number {
                self as $number
            }
        }
    };
}
