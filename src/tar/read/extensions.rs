//! Takes in extension headers: the long names of GNU tar, and the records of pax (POSIX.1-2001,
//! "pax Header Block").

use super::ReadError;
use super::fields::{Fields, MAX_ID, MAX_SIZE, until_nul};
use super::sparse::{self, Records, Sparse};

/// What extension headers said about the member behind them.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) name: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) uname: Option<Vec<u8>>,
    pub(super) gname: Option<Vec<u8>>,
    pub(super) mtime: Option<u64>,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sparse: Option<Sparse>,
    pax: bool,
    /// Where the last of them is.
    at: Option<u64>,
    /// Whether that one is for all members.
    global: bool,
}

impl Extensions {
    /// Refuses extensions that no member follows.
    pub(super) fn refuse_unused(&self) -> Result<(), ReadError> {
        let what = "has no member behind it";
        self.at
            .map_or(Ok(()), |at| Err(ReadError::Extension { at, what }))
    }

    /// Takes in one of them. `padding` is what follows `content` up to the end of its block.
    pub(super) fn take(
        &mut self,
        header: &Fields,
        content: &[u8],
        padding: &[u8],
    ) -> Result<(), ReadError> {
        let at = header.at;
        let wrong = |what| Err(ReadError::Extension { at, what });
        let typeflag = header.typeflag;
        if typeflag == b'g' && (self.at.is_some() && !self.global) {
            return wrong("is a global one between a member and an extension header of its own");
        }
        self.at = Some(at);
        self.global = typeflag == b'g';
        match typeflag {
            b'L' if self.name.is_some() => return wrong("gives a second name"),
            b'K' if self.link.is_some() => return wrong("gives a second link target"),
            b'x' if self.pax => return wrong("is the second of its kind for one member"),
            // GNU tar takes all up to a NUL for the name, wherever that is.
            b'L' | b'K' if padding.first().is_some_and(|byte| *byte != 0) => {
                return wrong("has a name that goes on behind its end");
            }
            b'L' | b'K' if until_nul(content).is_empty() => return wrong("gives an empty name"),
            b'L' => self.name = Some(until_nul(content).to_vec()),
            b'K' => self.link = Some(until_nul(content).to_vec()),
            b'x' => self.take_pax(content, at)?,
            // Global records (a commit id of git archive, say) concern no member by itself; the
            // ones that would are refused.
            _ => refuse_global_overrides(content, at)?,
        }
        Ok(())
    }

    fn take_pax(&mut self, records: &[u8], at: u64) -> Result<(), ReadError> {
        let wrong = |what| ReadError::Extension { at, what };
        self.pax = true;
        let records = pax_records(records, at)?;
        self.take_sparse(&records).map_err(wrong)?;
        for (key, value) in records {
            match key {
                b"path" if self.sparse.is_some() && self.name.is_some() => {
                    let name = self.name.as_deref().unwrap_or_default();
                    if value != name && !sparse::is_stand_in(value, name) {
                        return Err(wrong("gives a sparse file two names"));
                    }
                }
                b"path" if self.name.is_some() => return Err(wrong("gives a second name")),
                b"path" => self.name = Some(value.to_vec()),
                b"linkpath" if self.link.is_some() => {
                    return Err(wrong("gives a second link target"));
                }
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" if self.size.is_some() => return Err(wrong("gives a second size")),
                b"size" => self.size = Some(pax_number(value, "size", at, MAX_SIZE)?),
                b"uid" => self.uid = Some(pax_number(value, "uid", at, MAX_ID)?),
                b"gid" => self.gid = Some(pax_number(value, "gid", at, MAX_ID)?),
                b"uname" => self.uname = Some(value.to_vec()),
                b"gname" => self.gname = Some(value.to_vec()),
                b"mtime" => self.mtime = Some(pax_time(value, at)?),
                key => {
                    if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                        self.xattrs.push((name.to_vec(), value.to_vec()));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Extensions {
    /// Takes in the records of a sparse file, with its name: what else is called a name is one that the file has for
    /// programs that know nothing of sparse files.
    fn take_sparse(&mut self, all: &[PaxRecord<'_>]) -> Result<(), &'static str> {
        let mut records = Records::default();
        for (key, value) in all {
            if let Some(key) = key.strip_prefix(SPARSE) {
                records.take(key, value)?;
            }
        }
        let others = all.iter().filter(|(key, _)| !key.starts_with(SPARSE));
        let mentions = |text: &[u8]| text.windows(6).any(|part| part == b"sparse");
        if records.is_listed()
            && others
                .into_iter()
                .any(|(key, value)| mentions(key) || mentions(value))
        {
            return Err(
                "has something like a record of a sparse file in another record, where Python finds it",
            );
        }
        let name = records.name.take();
        self.sparse = records.finish()?;
        match (name, &self.name) {
            (Some(_), Some(_)) => Err("gives a second name"),
            (Some(name), None) => {
                self.name = Some(name);
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }
}

/// What the keys of records begin with that describe a sparse file.
const SPARSE: &[u8] = b"GNU.sparse.";

fn refuse_global_overrides(records: &[u8], at: u64) -> Result<(), ReadError> {
    for (key, _) in pax_records(records, at)? {
        if matches!(
            key,
            b"path" | b"linkpath" | b"size" | b"uid" | b"gid" | b"uname" | b"gname"
        ) {
            return Err(ReadError::Extension {
                at,
                what: "sets a name, link target, size or owner for all members",
            });
        }
        if key.starts_with(SPARSE) {
            return Err(ReadError::Extension {
                at,
                what: "describes all members as sparse files",
            });
        }
    }
    Ok(())
}

/// The key and the value of a pax record.
type PaxRecord<'a> = (&'a [u8], &'a [u8]);

fn pax_records(mut records: &[u8], at: u64) -> Result<Vec<PaxRecord<'_>>, ReadError> {
    let mut found = Vec::new();
    while !records.is_empty() {
        let (record, rest) = split_pax_record(records).ok_or(ReadError::Extension {
            at,
            what: "has a malformed pax record",
        })?;
        check_pax_record(record, at)?;
        found.push(record);
        records = rest;
    }
    Ok(found)
}

/// Refuses what programs read differently, or not at all, whether the record concerns one member or
/// all.
fn check_pax_record((key, value): PaxRecord<'_>, at: u64) -> Result<(), ReadError> {
    let wrong = |what| Err(ReadError::Extension { at, what });
    match key {
        // As C strings these end there, and in other languages they do not.
        b"path" | b"linkpath" | b"uname" | b"gname" if value.contains(&0) => {
            wrong("has a NUL in a name")
        }
        b"path" | b"linkpath" | b"size" | b"uid" | b"gid" | b"mtime" | b"atime" | b"ctime"
            if value.is_empty() =>
        {
            wrong("has an empty record, which some programs pass over")
        }
        b"mtime" | b"atime" | b"ctime" => pax_time(value, at).map(drop),
        b"hdrcharset" if !matches!(value, b"BINARY" | b"ISO-IR 10646 2000 UTF-8") => {
            wrong("has names in an encoding that is not supported")
        }
        b"SCHILY.realsize" | b"SUN.holesdata" => {
            wrong("describes a sparse file as only star and Solaris do, which is not supported")
        }
        key if key.starts_with(b"GNU.") && !key.starts_with(SPARSE) => {
            wrong("has records of GNU tar's backups, which are not supported")
        }
        _ => Ok(()),
    }
}

/// Splits `LENGTH KEY=VALUE\n` off. Only the length says where the record ends: a value may hold
/// newlines, since names may.
fn split_pax_record(records: &[u8]) -> Option<(PaxRecord<'_>, &[u8])> {
    let blank = records.iter().position(|byte| *byte == b' ')?;
    let length = decimal(&records[..blank]).filter(|_| records[0] != b'0')?;
    let (record, rest) = records.split_at_checked(usize::try_from(length).ok()?)?;
    let record = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&record[..equals], &record[equals + 1..]);
    let is_key = key
        .first()
        .is_some_and(|first| !first.is_ascii_whitespace())
        && !key.contains(&0);
    is_key.then_some(((key, value), rest))
}

/// Decimal digits, and no sign.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    let is_decimal = text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| is_decimal)?;
    text.parse().ok()
}

fn pax_number(value: &[u8], field: &'static str, at: u64, max: u64) -> Result<u64, ReadError> {
    decimal(value)
        .filter(|number| *number <= max)
        .ok_or_else(|| ReadError::Number {
            at,
            field,
            value: value.escape_ascii().to_string(),
        })
}

/// The whole seconds of a time, which may have a fraction. An earlier one than 1970 is as good as 0.
fn pax_time(value: &[u8], at: u64) -> Result<u64, ReadError> {
    let (sign, digits) = match value {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    let mut parts = digits.splitn(2, |byte| *byte == b'.');
    let whole = decimal(parts.next().unwrap_or_default());
    let fraction = parts.next().unwrap_or_default();
    whole
        .filter(|whole| i64::try_from(*whole).is_ok() && fraction.iter().all(u8::is_ascii_digit))
        .map(|whole| if sign < 0 { 0 } else { whole })
        .ok_or_else(|| ReadError::Number {
            at,
            field: "time",
            value: value.escape_ascii().to_string(),
        })
}
