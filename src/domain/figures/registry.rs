//! Turns the table of figures into the struct that travels, the function that computes it, and the registry by which
//! screens and documentation know each figure.

use super::counted::Counted;

/// A figure as the registry has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FigureEntry {
    /// Its public name.
    pub name: &'static str,
    /// What it means, for people who write programs against it.
    pub text: &'static str,
    /// The documents that it counts or adds up, if a list selects exactly these.
    pub counted: Option<Counted>,
}

/// A figure with a list behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedFigure {
    pub name: &'static str,
    pub counted: Counted,
}

/// Makes `Figures`, `figures()` and `FIGURES` of lines such as
/// `/// what it means` `name: Type = how it follows from the counts; counts DOCUMENTS,`.
macro_rules! figures {
    (|$counts:ident| $(
        $(#[doc = $text:literal])+
        $name:ident: $type:ty = $value:expr $(; counts $counted:expr)?,
    )*) => {
        /// Every figure by its public name. Today is [`Viewpoint::day`]. `None` means that documents count, but the
        /// value of none of them is known.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct Figures {
            $($(#[doc = $text])+ pub $name: $type,)*
        }

        /// The registry of all figures.
        pub const FIGURES: &[FigureEntry] = &[$(FigureEntry {
            name: stringify!($name),
            text: concat!($($text),+),
            counted: $crate::domain::figures::registry::optional!($($counted)?),
        },)*];

        /// The figures at `at`.
        pub fn figures(cells: &Cells, at: &Viewpoint) -> Figures {
            let $counts = &Counts::of(cells, at);
            Figures { $($name: $value,)* }
        }
    };
}

macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

pub(super) use {figures, optional};
