//! What a caller may ask of a list: `$filter`, `$select`, `$top`, `$skipToken`, `$orderby` and `$count`.
//!
//! Never: an option that is ignored without a word. What is not known is refused.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    call::{Call, pairs},
    refusal::Refusal,
    wire::selected,
};

/// The largest page.
pub const LARGEST_PAGE: usize = 300;
/// The page of somebody who asks for none.
const USUAL_PAGE: usize = 100;

/// A query that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    filter: Vec<(String, String)>,
    select: Option<Vec<String>>,
    top: Option<usize>,
    /// What the last page was ordered by at its end, and the key there.
    after: Option<(String, String)>,
    order: Option<(String, Order)>,
    count: bool,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// What a list has: its properties, and whether pages can be asked for.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// What can be selected.
    pub properties: &'static [&'static str],
    /// What can be filtered by, as a path.
    pub filterable: &'static [&'static str],
}

impl Query {
    /// Reads the query of a call.
    pub fn read(call: &Call, shape: Shape) -> Result<Self, Refusal> {
        let mut query = Self {
            filter: Vec::new(),
            select: None,
            top: None,
            after: None,
            order: None,
            count: false,
        };
        for (name, value) in pairs(call.query()) {
            match name.to_lowercase().as_str() {
                "$filter" => query.filter = filter(&value, shape)?,
                "$select" => query.select = Some(select(&value, shape)?),
                "$top" => query.top = Some(top(&value)?),
                "$skiptoken" => query.after = Some(after(&value)?),
                "$orderby" => query.order = Some(order(&value, shape)?),
                "$count" => query.count = value == "true",
                _ => {
                    return Err(Refusal::bad(format!("The query option '{name}' is not allowed.")));
                }
            }
        }
        Ok(query)
    }

    /// The object as it was asked for.
    pub fn select(&self, value: Value) -> Value {
        match &self.select {
            Some(names) => selected(value, names),
            None => value,
        }
    }

    /// The page of a list that was asked for. `keys` come in their order; only what is needed is `drawn`.
    pub fn page<'k>(
        &self,
        call: &Call,
        context: &str,
        keys: impl Iterator<Item = &'k str> + Clone,
        drawn: impl Fn(&str) -> Option<Value>,
    ) -> Value {
        let size = self.top.unwrap_or(USUAL_PAGE).min(LARGEST_PAGE);
        let found = |key: &'k str| Some((key, drawn(key).filter(|value| self.fits(value))?));
        let mut page: Vec<(&str, Value)> = match &self.order {
            // In the order of keys what has gone meanwhile moves nothing.
            None => {
                let is_over = |key: &&str| {
                    self.after.as_ref().is_some_and(|(_, after)| *key <= after.as_str())
                };
                keys.clone().skip_while(is_over).filter_map(found).take(size + 1).collect()
            }
            Some(order) => self.ordered(order, keys.clone().filter_map(found).collect()),
        };
        let more = page.len() > size;
        page.truncate(size);
        let last = page.last().map(|(key, value)| {
            let path = self.order.as_ref().map_or("", |(path, _)| path);
            (ordered_by(value, path), (*key).to_owned())
        });
        let items: Vec<_> = page.into_iter().map(|(_, value)| self.select(value)).collect();
        let mut body = json!({"@odata.context": context, "value": items});
        if self.count {
            body["@odata.count"] = json!(keys.filter_map(found).count());
        }
        if let (true, Some(last)) = (more, last) {
            body["@odata.nextLink"] = json!(next_link(call, &last));
        }
        body
    }

    fn fits(&self, value: &Value) -> bool {
        self.filter.iter().all(|(path, text)| holds(value, path, text))
    }

    /// All in the order that was asked for, from where the page begins.
    fn ordered<'k>(
        &self,
        (path, order): &(String, Order),
        mut all: Vec<(&'k str, Value)>,
    ) -> Vec<(&'k str, Value)> {
        let place = |(key, value): &(&str, Value)| (ordered_by(value, path), (*key).to_owned());
        all.sort_by_cached_key(place);
        if *order == Order::Descending {
            all.reverse();
        }
        // What stood at the end of the last page may have gone.
        let is_next = |it: &(&str, Value)| match (&self.after, order) {
            (None, _) => true,
            (Some(after), Order::Ascending) => place(it) > *after,
            (Some(after), Order::Descending) => place(it) < *after,
        };
        all.retain(is_next);
        all
    }
}

fn ordered_by(value: &Value, path: &str) -> String {
    value[path].as_str().unwrap_or_default().to_owned()
}

/// The same call, for what comes after this one.
fn next_link(call: &Call, last: &(String, String)) -> String {
    let mut query: Vec<String> = call
        .query()
        .split('&')
        .filter(|part| {
            let name = part.split('=').next().unwrap_or_default();
            let name = super::call::decoded(name, true).to_lowercase();
            !part.is_empty() && name != "$skiptoken"
        })
        .map(str::to_owned)
        .collect();
    query.push(format!("$skiptoken={}", URL_SAFE_NO_PAD.encode(json!(last).to_string())));
    format!("{}{}?{}", call.origin(), call.path(), query.join("&"))
}

fn top(text: &str) -> Result<usize, Refusal> {
    match text.parse() {
        Ok(top @ 1..=LARGEST_PAGE) => Ok(top),
        _ => Err(Refusal::bad(format!("$top is from 1 to {LARGEST_PAGE}."))),
    }
}

fn after(text: &str) -> Result<(String, String), Refusal> {
    let last = URL_SAFE_NO_PAD.decode(text).ok();
    let last = last.and_then(|last| serde_json::from_slice(&last).ok());
    last.ok_or_else(|| Refusal::bad("$skiptoken is none that was given out."))
}

fn select(text: &str, shape: Shape) -> Result<Vec<String>, Refusal> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    match names.iter().find(|name| !shape.properties.contains(&name.as_str())) {
        Some(name) => Err(Refusal::bad(format!("Could not find a property named '{name}'."))),
        None => Ok(names),
    }
}

fn order(text: &str, shape: Shape) -> Result<(String, Order), Refusal> {
    let mut words = text.split_whitespace();
    let name = words.next().unwrap_or_default();
    let order = match (words.next(), words.next()) {
        (None | Some("asc"), None) => Order::Ascending,
        (Some("desc"), None) => Order::Descending,
        _ => return Err(Refusal::bad("$orderby is a property, and `asc` or `desc`.")),
    };
    if !shape.properties.contains(&name) || name == "accessDetails" || name == "customer" {
        return Err(Refusal::bad(format!("$orderby is not supported for '{name}'.")));
    }
    Ok((name.to_owned(), order))
}

/// Reads `a eq 'b'` and several of these with `and`, each of which may stand in brackets.
fn filter(text: &str, shape: Shape) -> Result<Vec<(String, String)>, Refusal> {
    let wrong = || Refusal::bad(format!("Invalid filter clause: {text}"));
    let mut rest = text.trim();
    let mut all = Vec::new();
    loop {
        let opened = rest.starts_with('(');
        rest = rest.trim_start_matches('(').trim_start();
        let (path, tail) = rest.split_once(' ').ok_or_else(wrong)?;
        let tail = tail.trim_start().strip_prefix("eq ").ok_or_else(wrong)?.trim_start();
        let (value, tail) = quoted(tail).ok_or_else(wrong)?;
        if !shape.filterable.contains(&path) {
            return Err(Refusal::bad(format!("$filter is not supported for '{path}'.")));
        }
        all.push((path.to_owned(), value));
        rest = tail.trim_start();
        rest = if opened { rest.strip_prefix(')').ok_or_else(wrong)?.trim_start() } else { rest };
        if rest.is_empty() {
            return Ok(all);
        }
        rest = rest.strip_prefix("and ").ok_or_else(wrong)?.trim_start();
    }
}

/// A text in single quotes, in which two stand for one, and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut value = String::new();
    loop {
        let (before, after) = rest.split_once('\'')?;
        value.push_str(before);
        match after.strip_prefix('\'') {
            Some(after) => {
                value.push('\'');
                rest = after;
            }
            None => return Some((value, after)),
        }
    }
}

fn holds(value: &Value, path: &str, text: &str) -> bool {
    let found = path.split('/').fold(value, |value, part| &value[part]);
    found.as_str().is_some_and(|found| found.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        properties: &["id", "status", "displayName"],
        filterable: &["status", "customer/tenantId"],
    };

    fn call(query: &str) -> Call {
        let headers = [("host".to_owned(), "localhost:1".to_owned())].into();
        let target = format!("/v1.0/things?{query}");
        Call { method: "GET".to_owned(), target, headers, ..Call::default() }
    }

    fn things(number: usize) -> Vec<(String, Value)> {
        let thing = |at: usize| {
            let id = format!("{at:04}");
            let status = if at.is_multiple_of(2) { "active" } else { "created" };
            (
                id.clone(),
                json!({"@odata.etag": "e", "id": id, "status": status, "displayName": "x"}),
            )
        };
        (0..number).map(thing).collect()
    }

    fn page(query: &str, things: &[(String, Value)]) -> Value {
        let call = call(query);
        let keys = things.iter().map(|(key, _)| key.as_str());
        let drawn =
            |key: &str| things.iter().find(|(own, _)| own == key).map(|(_, value)| value.clone());
        Query::read(&call, SHAPE).unwrap().page(&call, "c", keys, drawn)
    }

    fn ids(page: &Value) -> Vec<&str> {
        page["value"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect()
    }

    #[test]
    fn pages_are_followed_to_the_end_and_hold_everything_once() {
        for (number, top) in [(0, 10), (1, 1), (10, 10), (11, 10), (25, 10), (301, 300)] {
            let mut query = format!("$top={top}&$select=id");
            let mut seen = Vec::new();
            loop {
                let page = page(&query, &things(number));
                seen.extend(ids(&page).into_iter().map(str::to_owned));
                assert!(ids(&page).len() <= top);
                let Some(next) = page["@odata.nextLink"].as_str() else { break };
                let (path, rest) = next.split_once('?').unwrap();
                assert_eq!(path, "https://localhost:1/v1.0/things");
                query = rest.to_owned();
            }
            let all: Vec<_> = things(number).into_iter().map(|(id, _)| id).collect();
            assert_eq!(seen, all, "{number} by {top}");
        }
    }

    #[test]
    fn what_goes_between_two_pages_moves_nothing_else() {
        let first = page("$top=2", &things(5));
        let next = first["@odata.nextLink"].as_str().unwrap().split_once('?').unwrap().1;
        let mut left = things(5);
        left.remove(1);
        assert_eq!(ids(&page(next, &left)), ["0002", "0003"]);
        for (order, gone, rest) in [
            ("status", 2, ["0004", "0001"]),
            ("status%20desc", 1, ["0004", "0002"]),
            ("id%20desc", 3, ["0002", "0001"]),
        ] {
            let first = page(&format!("$top=2&$orderby={order}"), &things(5));
            assert_eq!(ids(&first)[1], format!("{gone:04}"), "{order}");
            let next = first["@odata.nextLink"].as_str().unwrap().split_once('?').unwrap().1;
            let mut left = things(5);
            left.remove(gone);
            assert_eq!(ids(&page(next, &left)), rest, "{order}");
        }
    }

    #[test]
    fn filters_of_the_field_are_understood_and_others_are_refused() {
        let good = [
            ("status eq 'active'", 3),
            ("(status eq 'active')", 3),
            ("status eq 'ACTIVE'", 3),
            ("status eq 'it''s'", 0),
            ("(status eq 'active') and (customer/tenantId eq 'x')", 0),
            ("status eq 'active' and status eq 'created'", 0),
        ];
        for (filter, expected) in good {
            let page = page(&format!("$filter={}", filter.replace(' ', "%20")), &things(5));
            assert_eq!(ids(&page).len(), expected, "{filter}");
        }
        let bad = [
            "$filter=displayName eq 'x'",
            "$filter=status ne 'x'",
            "$filter=status eq active",
            "$filter=status eq 'active' or status eq 'created'",
            "$filter=(status eq 'active'",
            "$filter=status eq 'active",
            "$filter=",
            "$top=0",
            "$top=301",
            "$top=x",
            "$skip=3",
            "$expand=requests",
            "$select=nothing",
            "$orderby=nothing",
            "$orderby=status sideways",
            "$skiptoken=!",
            "$search=x",
        ];
        for query in bad {
            let read = Query::read(&call(query), SHAPE);
            assert_eq!(read.map_err(|it| it.status), Err(400), "{query}");
        }
    }

    #[test]
    fn only_what_was_selected_comes_and_its_etag() {
        let query = "$select=status,id&$count=true&$orderby=id%20desc&$top=1";
        let page = page(query, &things(2));
        assert_eq!(page["value"], json!([{"@odata.etag": "e", "id": "0001", "status": "created"}]));
        assert_eq!(page["@odata.count"], 2);
    }
}
