//! Readings with their type, as numbers and as the text that NUT clients read.

use alloc::string::String;
use core::fmt;

/// One reading.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// A number; its unit is in the variable table.
    Number(Decimal),
    /// Text without padding.
    Text(String),
}

impl Value {
    /// The number; none for text.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(number.to_f64()),
            Value::Text(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => number.fmt(f),
            Value::Text(text) => f.write_str(text),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

/// An exact decimal number: what the UPS said, digit for digit, without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    mantissa: i32,
    places: u8,
}

impl Decimal {
    /// A whole number.
    pub const fn whole(value: i32) -> Decimal {
        Decimal { mantissa: value, places: 0 }
    }

    /// Reads `231.8`, `-05.0`, `020`; none for anything else, or beyond nine digits.
    pub fn parse(text: &str) -> Option<Decimal> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = whole.len() + fraction.len();
        let plain = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !plain || digits > 9 || (unsigned.contains('.') && fraction.is_empty()) {
            return None;
        }
        let magnitude =
            whole.bytes().chain(fraction.bytes()).fold(0, |sum, byte| sum * 10 + i32::from(byte - b'0'));
        let mantissa = if negative { -magnitude } else { magnitude };
        Some(Decimal { mantissa, places: fraction.len() as u8 })
    }

    /// The nearest floating-point number.
    pub fn to_f64(self) -> f64 {
        let mut scale = 1.0;
        for _ in 0..self.places {
            scale *= 10.0;
        }
        f64::from(self.mantissa) / scale
    }

    /// The product, without the part behind its point.
    pub fn times(self, factor: i32) -> Decimal {
        let product = i64::from(self.mantissa) * i64::from(factor) / 10i64.pow(u32::from(self.places));
        Decimal::whole(i32::try_from(product).unwrap_or(i32::MAX))
    }

    /// The whole part.
    pub fn trunc(self) -> i32 {
        self.mantissa / 10i32.pow(u32::from(self.places))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.places == 0 {
            return write!(f, "{}", self.mantissa);
        }
        let scale = 10u32.pow(u32::from(self.places));
        let magnitude = self.mantissa.unsigned_abs();
        let sign = if self.mantissa < 0 { "-" } else { "" };
        write!(
            f,
            "{sign}{}.{:0width$}",
            magnitude / scale,
            magnitude % scale,
            width = usize::from(self.places)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_decimal_keeps_its_places_and_drops_leading_zeros() {
        for (text, shown, number) in [
            ("231.8", "231.8", 231.8),
            ("023.5", "23.5", 23.5),
            ("020", "20", 20.0),
            ("-05.0", "-5.0", -5.0),
            ("00.05", "0.05", 0.05),
        ] {
            let decimal = Decimal::parse(text).unwrap();
            assert_eq!(decimal.to_string(), shown);
            assert!((decimal.to_f64() - number).abs() < 1e-9);
        }
        for text in ["", ".", "1.", ".5", "1.2.3", "--1", "1e3", "1234567890"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
