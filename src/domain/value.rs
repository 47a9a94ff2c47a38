//! Reads our types from JSON values, as `serde_json` does but without saying why something cannot be read. Nobody
//! asks for the reason, and its words and numbers would be a tenth of what a browser downloads.
//!
//! Long, because serde asks a reader for a method for each shape of value.

use std::{fmt, slice};

use serde::{
    Deserializer, de,
    de::{DeserializeOwned, DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor},
    forward_to_deserialize_any,
};
use serde_json::{Map, Number, Value, map};

/// Reads JSON as bytes, because other code already reads the server's answers so. A second reader, for texts, would
/// be part of what a browser downloads.
pub fn parse(json: &str) -> Option<Value> {
    serde_json::from_slice(json.as_bytes()).ok()
}

/// Reads a value as a `T`; `None` if it is not one.
pub fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(Json(value)).ok()
}

#[derive(Debug)]
struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unreadable")
    }
}

impl std::error::Error for Unreadable {}

impl de::Error for Unreadable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }

    fn invalid_type(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self
    }

    fn invalid_value(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self
    }

    fn invalid_length(_: usize, _: &dyn de::Expected) -> Self {
        Self
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }

    fn missing_field(_: &'static str) -> Self {
        Self
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self
    }
}

type Conversion<T> = Result<T, Unreadable>;

fn number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Conversion<V::Value> {
    if let Some(n) = number.as_u64() {
        return visitor.visit_u64(n);
    }
    if let Some(n) = number.as_i64() {
        return visitor.visit_i64(n);
    }
    visitor.visit_f64(number.as_f64().ok_or(Unreadable)?)
}

fn list<'de, V: Visitor<'de>>(all: &'de [Value], visitor: V) -> Conversion<V::Value> {
    let mut elements = Elements(all.iter());
    let read = visitor.visit_seq(&mut elements)?;
    if elements.0.next().is_none() { Ok(read) } else { Err(Unreadable) }
}

fn object<'de, V: Visitor<'de>>(all: &'de Map<String, Value>, visitor: V) -> Conversion<V::Value> {
    let mut entries = Entries { rest: all.iter(), value: None };
    let read = visitor.visit_map(&mut entries)?;
    if entries.rest.next().is_none() { Ok(read) } else { Err(Unreadable) }
}

/// Methods that read as another one does. The visitor checks whether the value is in range.
macro_rules! read_as {
    ($other:ident: $($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Conversion<V::Value> {
            self.$other(visitor)
        }
    )*};
}

struct Json<'de>(&'de Value);

impl<'de> Deserializer<'de> for Json<'de> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Conversion<V::Value> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(*b),
            Value::Number(n) => number(n, visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(all) => list(all, visitor),
            Value::Object(all) => object(all, visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Conversion<V::Value> {
        visitor.visit_bool(self.0.as_bool().ok_or(Unreadable)?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Conversion<V::Value> {
        match self.0 {
            Value::Number(n) => number(n, visitor),
            _ => Err(Unreadable),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Conversion<V::Value> {
        visitor.visit_borrowed_str(self.0.as_str().ok_or(Unreadable)?)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Conversion<V::Value> {
        if self.0.is_null() { visitor.visit_unit() } else { Err(Unreadable) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Conversion<V::Value> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Conversion<V::Value> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Conversion<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Conversion<V::Value> {
        list(self.0.as_array().ok_or(Unreadable)?, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Conversion<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, visitor: V) -> Conversion<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Conversion<V::Value> {
        object(self.0.as_object().ok_or(Unreadable)?, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Conversion<V::Value> {
        match self.0 {
            Value::Array(all) => list(all, visitor),
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Conversion<V::Value> {
        let variant = match self.0 {
            Value::String(name) => Variant { name, content: None },
            Value::Object(all) if all.len() == 1 => {
                let (name, content) = all.iter().next().ok_or(Unreadable)?;
                Variant { name, content: Some(content) }
            }
            _ => return Err(Unreadable),
        };
        visitor.visit_enum(variant)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Conversion<V::Value> {
        visitor.visit_unit()
    }

    read_as! { deserialize_i64:
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }
    read_as! { deserialize_str: deserialize_string deserialize_char deserialize_identifier }
    forward_to_deserialize_any! { i128 u128 bytes byte_buf }
}

struct Elements<'de>(slice::Iter<'de, Value>);

impl<'de> SeqAccess<'de> for &mut Elements<'de> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Conversion<Option<T::Value>> {
        self.0.next().map(|value| seed.deserialize(Json(value))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries<'de> {
    rest: map::Iter<'de>,
    /// The value of the name that was read last.
    value: Option<&'de Value>,
}

impl<'de> MapAccess<'de> for &mut Entries<'de> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Conversion<Option<K::Value>> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Name(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Conversion<V::Value> {
        seed.deserialize(Json(self.value.take().ok_or(Unreadable)?))
    }
}

/// The name of a field, a variant or a map's entry. None of our types has a number as a name.
struct Name<'de>(&'de str);

impl<'de> Deserializer<'de> for Name<'de> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Conversion<V::Value> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Conversion<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Conversion<V::Value> {
        visitor.visit_enum(Variant { name: self.0, content: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

/// A variant of an enum, and what it holds.
struct Variant<'de> {
    name: &'de str,
    content: Option<&'de Value>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Unreadable;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Conversion<(V::Value, Self)> {
        Ok((seed.deserialize(Name(self.name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Unreadable;

    fn unit_variant(self) -> Conversion<()> {
        if self.content.is_none_or(Value::is_null) { Ok(()) } else { Err(Unreadable) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Conversion<T::Value> {
        seed.deserialize(Json(self.content.ok_or(Unreadable)?))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Conversion<V::Value> {
        Json(self.content.ok_or(Unreadable)?).deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Conversion<V::Value> {
        Json(self.content.ok_or(Unreadable)?).deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests;
