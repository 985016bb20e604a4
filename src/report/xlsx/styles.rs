//! The looks of a workbook, each made once. Which cell has which is decided elsewhere.

use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder, FormatUnderline};

use super::cells::{CellFormat, TINY};

/// Dark blue, of titles and links.
pub const BLUE: u32 = 0x1F_4E_79;
/// Grey, of what is said beside figures.
const GREY: u32 = 0x59_59_59;
const PALE: u32 = 0xE8_EE_F4;
/// Red, of what must not be missed.
const RED: u32 = 0xB0_00_20;

#[derive(Debug)]
pub struct Styles {
    pub title: Format,
    pub book_title: Format,
    /// What must not be missed.
    pub warning: Format,
    /// What is said beside figures.
    pub note: Format,
    pub label: Format,
    pub sentence: Format,
    pub link: Format,
    pub head: Format,
    pub head_of_numbers: Format,
    /// A name of any length that heads a column of numbers.
    pub names: Format,
    /// The head of a column of text that follows one of numbers.
    pub head_beside_numbers: Format,
    /// A column of text that follows one of numbers: with a gap.
    pub beside_numbers: Format,
    /// A word for what is absent.
    pub absent: Format,
    /// A word in the place of a number.
    pub word_among_numbers: Format,
    /// Less than a cent.
    pub little: Format,
    /// Less than half a millionth of a dollar.
    pub tiny: Format,
}

impl Default for Styles {
    fn default() -> Styles {
        let head = Format::new()
            .set_bold()
            .set_background_color(Color::RGB(PALE))
            .set_border_bottom(FormatBorder::Thin)
            .set_align(FormatAlign::Top);
        let top = || Format::new().set_align(FormatAlign::Top);
        Styles {
            title: Format::new()
                .set_bold()
                .set_font_size(14)
                .set_font_color(Color::RGB(BLUE)),
            book_title: Format::new()
                .set_bold()
                .set_font_size(18)
                .set_font_color(Color::RGB(BLUE)),
            warning: Format::new().set_bold().set_font_color(Color::RGB(RED)),
            note: Format::new().set_font_color(Color::RGB(GREY)),
            label: top().set_bold(),
            sentence: top().set_text_wrap(),
            link: top()
                .set_font_color(Color::RGB(BLUE))
                .set_underline(FormatUnderline::Single),
            // Room for the filter's button, which lies over the right of the head.
            names: head.clone().set_align(FormatAlign::Right).set_text_wrap(),
            head_of_numbers: head.clone().set_align(FormatAlign::Right).set_indent(2),
            head_beside_numbers: head.clone().set_indent(1),
            beside_numbers: Format::new().set_indent(1),
            head,
            absent: Format::new().set_font_color(Color::RGB(GREY)).set_italic(),
            word_among_numbers: Format::new().set_align(FormatAlign::Right),
            little: Format::new().set_num_format(CellFormat::SmallUsd.num_format()),
            tiny: Format::new().set_num_format(TINY).set_align(FormatAlign::Right),
        }
    }
}

impl Styles {
    pub fn column(look: CellFormat) -> Format {
        match look {
            CellFormat::Text => Format::new(),
            CellFormat::Date | CellFormat::Instant => Format::new()
                .set_num_format(look.num_format())
                .set_align(FormatAlign::Left),
            _ => Format::new().set_num_format(look.num_format()),
        }
    }

    /// Of a total that is `number` as long as nothing is filtered.
    pub fn total(look: CellFormat, number: f64) -> Format {
        Format::new()
            .set_bold()
            .set_num_format(look.num_format_of_total(number))
    }

    pub fn of_little(&self, look: CellFormat, number: f64) -> Option<&Format> {
        match look.num_format_of_little(number)? {
            TINY => Some(&self.tiny),
            _ => Some(&self.little),
        }
    }
}
