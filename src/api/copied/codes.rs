//! The countries and languages that have a code, and what is written for them elsewhere.
//!
//! Never: a country for a language, or a language for a country, where more than one could be meant.

use super::plain;

/// A country of ISO 3166-1, or Kosovo: its two letters, its three letters, its name in English and in German.
type Country = (&'static str, &'static str, &'static str, &'static str);
/// A language of ISO 639-1: its two letters, its three letters, those of libraries, its name in English and in German.
type Language = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// No name of either is longer.
const LONGEST: usize = 60;

/// The letters and digits of a text, in small letters.
fn folded(text: &str) -> String {
    text.chars().filter(|sign| sign.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The two letters of a country that has other ones, or another name.
fn known_country(text: &str) -> Option<&'static str> {
    let name = folded(text);
    let other = OTHER_COUNTRIES.iter().find(|(other, _)| *other == name).map(|(_, ours)| *ours);
    other.or_else(|| {
        let found = COUNTRIES.iter().find(|(_, three, english, german)| {
            three.eq_ignore_ascii_case(&name)
                || [english, german].iter().any(|it| folded(it) == name)
        });
        found.map(|(two, ..)| *two)
    })
}

/// Whether these two letters are a country of ISO 3166-1, or Kosovo, for which Microsoft writes `XK`.
pub fn is_country(code: &str) -> bool {
    COUNTRIES.iter().any(|(two, ..)| *two == code)
}

/// Whether a BCP 47 language may exist: each part is of its kind and in its place; of two letters, a language is one of
/// ISO 639-1; and a region is a country.
pub fn is_language(tag: &str) -> bool {
    /// Languages that have others below them, which stand in three letters behind them.
    const WITH_OTHERS: [&str; 8] = ["ar", "kok", "lv", "ms", "sgn", "sw", "uz", "zh"];
    /// Marks of libraries that name no language in which a text can be.
    const NONE: [&str; 4] = ["mis", "mul", "und", "zxx"];
    let mut parts = tag.split('-').peekable();
    let language = parts.next().unwrap_or_default();
    let has_shorter = |it: &&Language| it.1 == language || it.2 == language;
    let is_known = match language.len() {
        2 => LANGUAGES.iter().any(|(two, ..)| *two == language),
        _ => !NONE.contains(&language) && !LANGUAGES.iter().any(|it| has_shorter(&it)),
    };
    let is_word = |part: &str| part.bytes().all(|sign| sign.is_ascii_alphabetic());
    let is_number = |part: &str| part.bytes().all(|sign| sign.is_ascii_digit());
    if WITH_OTHERS.contains(&language) {
        let is_other =
            |part: &&str| part.len() == 3 && is_word(part) && known_country(part).is_none();
        parts.next_if(is_other);
    }
    parts.next_if(|part| part.len() == 4 && is_script(part));
    parts.next_if(|part| match part.len() {
        2 => is_country(&part.to_ascii_uppercase()),
        3 => is_number(part),
        _ => false,
    });
    let is_variant = |part: &str| match part.len() {
        4 => part.starts_with(|sign: char| sign.is_ascii_digit()),
        5..=8 => !is_name(part),
        _ => false,
    };
    is_known && parts.all(is_variant)
}

/// Whether four letters are a script of ISO 15924.
fn is_script(part: &str) -> bool {
    /// Those that Unicode does not tell apart.
    const OTHERS: [&str; 10] =
        ["Aran", "Cyrs", "Hanb", "Hans", "Hant", "Jamo", "Jpan", "Kore", "Latf", "Latg"];
    let (first, rest) = part.split_at(1);
    let name = first.to_ascii_uppercase() + &rest.to_ascii_lowercase();
    OTHERS.contains(&&*name) || unicode_script::Script::from_short_name(&name).is_some()
}

/// Whether a text is the name of a country or of a language, which no variety of one is called by.
fn is_name(text: &str) -> bool {
    let name = folded(text);
    let of_language = LANGUAGES
        .iter()
        .any(|(.., english, german)| folded(english) == name || folded(german) == name);
    of_language || known_country(text).is_some()
}

/// In small letters, in three letters, by its name, or as the end of a language.
pub fn country(text: &str) -> Option<String> {
    let text = plain(text);
    if text.chars().nth(LONGEST).is_some() {
        return None;
    }
    if let Some(country) = known_country(&text) {
        return Some(country.to_owned());
    }
    let text = match (text.split_once(['-', '_']), text.rsplit_once(['-', '_'])) {
        (Some((first, _)), Some((_, last))) => {
            let is_language = first.bytes().all(|letter| letter.is_ascii_lowercase());
            let is_capital = last.bytes().all(|letter| letter.is_ascii_uppercase());
            // A part of a country, unless the end is a country in which that language is spoken.
            let is_part = is_country(first) && (first == last || !NEIGHBOURS.contains(&last));
            if is_language && is_capital {
                last
            } else if is_part {
                first
            } else {
                return None;
            }
        }
        _ => &text,
    };
    let text = text.to_ascii_uppercase();
    let country = known_country(&text).unwrap_or(&text);
    is_country(country).then(|| country.to_owned())
}

/// What to do about a text for a country, where none is certain.
pub fn aside_of_country(text: &str) -> Option<String> {
    let code = plain(text).to_ascii_uppercase();
    // ISO 3166-1 leaves `AA` to everybody, and `SU` is of a country that was.
    let is_it =
        |two: &str| two.eq_ignore_ascii_case(&code) && !matches!(code.as_str(), "AA" | "SU");
    match (&*code, LANGUAGES.iter().find(|(two, ..)| is_it(two))) {
        (
            "EU" | "EUR" | "EUROPE" | "EUROPA" | "EMEA" | "DACH" | "APAC" | "LATAM" | "GLOBAL"
            | "INT" | "WORLD" | "WORLDWIDE" | "ALL",
            _,
        ) => Some(
            "that is no country: write the country that is meant, such as `DE` or `FR`".to_owned(),
        ),
        (_, Some((.., english, _))) => Some(format!(
            "`{code}` is the language {english}: write the country that is meant, such as `DE` or `US`"
        )),
        (code, None) if code.len() == 2 => {
            Some("no country has this code: write the one that ISO 3166-1 gives it".to_owned())
        }
        (_, None) => None,
    }
}

/// As programs write it, `de_DE.UTF-8`, in capitals, in three letters, by its name, or as the country.
pub fn language(text: &str) -> Option<String> {
    let text = plain(text);
    let text = text.split(['.', '@']).next().unwrap_or(&text).replace('_', "-");
    if text.chars().nth(LONGEST).is_some() {
        return None;
    }
    let name = folded(&text);
    let named = LANGUAGES
        .iter()
        .find(|(.., english, german)| folded(english) == name || folded(german) == name);
    let own = OWN_NAMES.iter().find(|(own, _)| *own == name).map(|(_, language)| *language);
    if let Some(language) = own.or_else(|| named.map(|(two, ..)| *two)) {
        return Some(language.to_owned());
    }
    if !text.is_ascii() {
        return None;
    }
    // In capitals, it may be the country, or a code of Windows.
    let is_capital = text.bytes().all(|letter| letter.is_ascii_uppercase());
    if is_capital && is_country(&text) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let (language, rest) = lower.split_once('-').unwrap_or((&lower, ""));
    let three =
        LANGUAGES.iter().find(|(_, three, other, ..)| *three == language || *other == language);
    let other = OTHER_LANGUAGES.iter().find(|(other, _)| *other == language).map(|(_, it)| *it);
    if is_capital && text.len() == 3 && three.is_none() {
        return None;
    }
    let language = other.or_else(|| three.map(|(two, ..)| *two)).unwrap_or(language);
    // `en-EN` says nothing more than `en`.
    let rest = if rest == language && !is_country(&rest.to_ascii_uppercase()) { "" } else { rest };
    let rest = rest.split('-').filter(|part| !part.is_empty()).map(|part| match part.len() {
        3 | 5.. => known_country(part).map_or_else(|| part.to_owned(), str::to_owned),
        2 if part == "uk" => "GB".to_owned(),
        2 => part.to_ascii_uppercase(),
        4 => part[..1].to_ascii_uppercase() + &part[1..],
        _ => part.to_owned(),
    });
    let mut parts = [language.to_owned()].into_iter().chain(rest).collect::<Vec<_>>();
    // A region that stands there again says nothing more.
    parts.dedup();
    let tag = parts.join("-");
    is_language(&tag).then_some(tag)
}

/// What to do about a text for a language, where none is certain.
pub fn aside_of_language(text: &str) -> Option<String> {
    let code = plain(text).to_ascii_uppercase();
    if is_country(&code) {
        let help = "is a country: write the language of the text, such as `en` or `pt-BR`";
        return Some(format!("`{code}` {help}"));
    }
    let (language, region) = code.split_once(['-', '_'])?;
    let is_language = LANGUAGES.iter().any(|(two, ..)| two.eq_ignore_ascii_case(language));
    let is_region = region.len() == 2 && region.bytes().all(|sign| sign.is_ascii_alphabetic());
    (is_language && is_region).then(|| {
        format!("there is no country `{region}`: write the language alone, or with the country in which it is spoken")
    })
}

/// Countries of which a language in capital letters may be spoken in several: `DE-CH` is no part of Germany.
const NEIGHBOURS: [&str; 30] = [
    "AE", "AU", "AT", "BE", "BR", "CA", "CH", "CN", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "IN",
    "IE", "IT", "JP", "MX", "NL", "NO", "NZ", "PL", "PT", "SE", "TR", "UA", "US", "ZA",
];

/// Further names and codes of countries, in small letters without blanks.
const OTHER_COUNTRIES: &[(&str, &str)] = &[
    ("日本", "JP"),
    ("中国", "CN"),
    ("中國", "CN"),
    ("台灣", "TW"),
    ("香港", "HK"),
    ("대한민국", "KR"),
    ("한국", "KR"),
    ("россия", "RU"),
    ("україна", "UA"),
    ("българия", "BG"),
    ("србија", "RS"),
    ("ελλάδα", "GR"),
    ("españa", "ES"),
    ("italia", "IT"),
    ("polska", "PL"),
    ("česko", "CZ"),
    ("českárepublika", "CZ"),
    ("slovensko", "SK"),
    ("slovenija", "SI"),
    ("hrvatska", "HR"),
    ("magyarország", "HU"),
    ("românia", "RO"),
    ("türkiye", "TR"),
    ("brasil", "BR"),
    ("méxico", "MX"),
    ("nederland", "NL"),
    ("belgië", "BE"),
    ("belgique", "BE"),
    ("danmark", "DK"),
    ("norge", "NO"),
    ("sverige", "SE"),
    ("suomi", "FI"),
    ("eesti", "EE"),
    ("latvija", "LV"),
    ("lietuva", "LT"),
    ("ísland", "IS"),
    ("éire", "IE"),
    ("việtnam", "VN"),
    ("ประเทศไทย", "TH"),
    ("भारत", "IN"),
    ("ישראל", "IL"),
    ("uk", "GB"),
    ("greatbritain", "GB"),
    ("england", "GB"),
    ("scotland", "GB"),
    ("wales", "GB"),
    ("northernireland", "GB"),
    ("großbritannien", "GB"),
    ("grossbritannien", "GB"),
    ("el", "GR"),
    ("ger", "DE"),
    ("sui", "CH"),
    ("hellas", "GR"),
    ("us", "US"),
    ("unitedstatesofamerica", "US"),
    ("vereinigtestaatenvonamerika", "US"),
    ("theunitedstates", "US"),
    ("theunitedkingdom", "GB"),
    ("holland", "NL"),
    ("thenetherlands", "NL"),
    ("dieniederlande", "NL"),
    ("czechrepublic", "CZ"),
    ("tschechischerepublik", "CZ"),
    ("turkey", "TR"),
    ("slovakrepublic", "SK"),
    ("russia", "RU"),
    ("russland", "RU"),
    ("vietnam", "VN"),
    ("republicofkorea", "KR"),
    ("swaziland", "SZ"),
    ("burma", "MM"),
    ("capeverde", "CV"),
    ("ivorycoast", "CI"),
    ("macedonia", "MK"),
    ("macau", "MO"),
    ("weißrussland", "BY"),
    ("moldawien", "MD"),
    ("österreich", "AT"),
    ("schweiz", "CH"),
    ("suisse", "CH"),
];

/// What a language calls itself, in small letters without blanks.
const OWN_NAMES: &[(&str, &str)] = &[
    ("français", "fr"),
    ("francais", "fr"),
    ("español", "es"),
    ("espanol", "es"),
    ("castellano", "es"),
    ("italiano", "it"),
    ("português", "pt"),
    ("portugues", "pt"),
    ("nederlands", "nl"),
    ("polski", "pl"),
    ("dansk", "da"),
    ("svenska", "sv"),
    ("norsk", "no"),
    ("suomi", "fi"),
    ("čeština", "cs"),
    ("magyar", "hu"),
    ("türkçe", "tr"),
    ("русский", "ru"),
    ("українська", "uk"),
    ("日本語", "ja"),
    ("中文", "zh"),
    ("한국어", "ko"),
];

/// Codes that are none of a language, and the language of that country; and codes of former days.
const OTHER_LANGUAGES: &[(&str, &str)] = &[
    ("al", "sq"),
    ("at", "de"),
    ("cn", "zh"),
    ("cz", "cs"),
    ("dk", "da"),
    ("gb", "en"),
    ("gr", "el"),
    ("il", "he"),
    ("iw", "he"),
    ("ji", "yi"),
    ("jp", "ja"),
    ("kz", "kk"),
    ("rs", "sr"),
    ("ua", "uk"),
    ("us", "en"),
    ("vn", "vi"),
];

#[rustfmt::skip]
const COUNTRIES: [Country; 250] = [
    ("AD", "AND", "andorra", "andorra"),
    ("AE", "ARE", "united arab emirates", "vereinigte arabische emirate"),
    ("AF", "AFG", "afghanistan", "afghanistan"),
    ("AG", "ATG", "antigua and barbuda", "antigua und barbuda"),
    ("AI", "AIA", "anguilla", "anguilla"),
    ("AL", "ALB", "albania", "albanien"),
    ("AM", "ARM", "armenia", "armenien"),
    ("AO", "AGO", "angola", "angola"),
    ("AQ", "ATA", "antarctica", "antarktis"),
    ("AR", "ARG", "argentina", "argentinien"),
    ("AS", "ASM", "american samoa", "amerikanisch-samoa"),
    ("AT", "AUT", "austria", "österreich"),
    ("AU", "AUS", "australia", "australien"),
    ("AW", "ABW", "aruba", "aruba"),
    ("AX", "ALA", "åland islands", "åland-inseln"),
    ("AZ", "AZE", "azerbaijan", "aserbaidschan"),
    ("BA", "BIH", "bosnia and herzegovina", "bosnien und herzegowina"),
    ("BB", "BRB", "barbados", "barbados"),
    ("BD", "BGD", "bangladesh", "bangladesch"),
    ("BE", "BEL", "belgium", "belgien"),
    ("BF", "BFA", "burkina faso", "burkina faso"),
    ("BG", "BGR", "bulgaria", "bulgarien"),
    ("BH", "BHR", "bahrain", "bahrain"),
    ("BI", "BDI", "burundi", "burundi"),
    ("BJ", "BEN", "benin", "benin"),
    ("BL", "BLM", "saint barthélemy", "saint-barthélemy"),
    ("BM", "BMU", "bermuda", "bermuda"),
    ("BN", "BRN", "brunei darussalam", "brunei darussalam"),
    ("BO", "BOL", "bolivia", "bolivien"),
    ("BQ", "BES", "bonaire", "bonaire"),
    ("BR", "BRA", "brazil", "brasilien"),
    ("BS", "BHS", "bahamas", "bahamas"),
    ("BT", "BTN", "bhutan", "bhutan"),
    ("BV", "BVT", "bouvet island", "bouvet-insel"),
    ("BW", "BWA", "botswana", "botsuana"),
    ("BY", "BLR", "belarus", "belarus"),
    ("BZ", "BLZ", "belize", "belize"),
    ("CA", "CAN", "canada", "kanada"),
    ("CC", "CCK", "cocos", "kokos-"),
    ("CD", "COD", "democratic republic of the congo", "demokratische republik kongo"),
    ("CF", "CAF", "central african republic", "zentralafrikanische republik"),
    ("CG", "COG", "republic of the congo", "republik kongo"),
    ("CH", "CHE", "switzerland", "schweiz"),
    ("CI", "CIV", "côte d'ivoire", "côte d'ivoire"),
    ("CK", "COK", "cook islands", "cookinseln"),
    ("CL", "CHL", "chile", "chile"),
    ("CM", "CMR", "cameroon", "kamerun"),
    ("CN", "CHN", "china", "china"),
    ("CO", "COL", "colombia", "kolumbien"),
    ("CR", "CRI", "costa rica", "costa rica"),
    ("CU", "CUB", "cuba", "kuba"),
    ("CV", "CPV", "cabo verde", "kap verde"),
    ("CW", "CUW", "curaçao", "curaçao"),
    ("CX", "CXR", "christmas island", "weihnachtsinseln"),
    ("CY", "CYP", "cyprus", "zypern"),
    ("CZ", "CZE", "czechia", "tschechien"),
    ("DE", "DEU", "germany", "deutschland"),
    ("DJ", "DJI", "djibouti", "dschibuti"),
    ("DK", "DNK", "denmark", "dänemark"),
    ("DM", "DMA", "dominica", "dominica"),
    ("DO", "DOM", "dominican republic", "dominikanische republik"),
    ("DZ", "DZA", "algeria", "algerien"),
    ("EC", "ECU", "ecuador", "ecuador"),
    ("EE", "EST", "estonia", "estland"),
    ("EG", "EGY", "egypt", "ägypten"),
    ("EH", "ESH", "western sahara", "westsahara"),
    ("ER", "ERI", "eritrea", "eritrea"),
    ("ES", "ESP", "spain", "spanien"),
    ("ET", "ETH", "ethiopia", "äthiopien"),
    ("FI", "FIN", "finland", "finnland"),
    ("FJ", "FJI", "fiji", "fidschi"),
    ("FK", "FLK", "falkland islands", "falklandinseln"),
    ("FM", "FSM", "micronesia", "mikronesien"),
    ("FO", "FRO", "faroe islands", "färöer-inseln"),
    ("FR", "FRA", "france", "frankreich"),
    ("GA", "GAB", "gabon", "gabun"),
    ("GB", "GBR", "united kingdom", "vereinigtes königreich"),
    ("GD", "GRD", "grenada", "grenada"),
    ("GE", "GEO", "georgia", "georgien"),
    ("GF", "GUF", "french guiana", "französisch-guyana"),
    ("GG", "GGY", "guernsey", "guernsey"),
    ("GH", "GHA", "ghana", "ghana"),
    ("GI", "GIB", "gibraltar", "gibraltar"),
    ("GL", "GRL", "greenland", "grönland"),
    ("GM", "GMB", "gambia", "gambia"),
    ("GN", "GIN", "guinea", "guinea"),
    ("GP", "GLP", "guadeloupe", "guadeloupe"),
    ("GQ", "GNQ", "equatorial guinea", "äquatorialguinea"),
    ("GR", "GRC", "greece", "griechenland"),
    ("GS", "SGS", "south georgia and the south sandwich islands", "south georgia und die südlichen sandwichinseln"),
    ("GT", "GTM", "guatemala", "guatemala"),
    ("GU", "GUM", "guam", "guam"),
    ("GW", "GNB", "guinea-bissau", "guinea-bissau"),
    ("GY", "GUY", "guyana", "guyana"),
    ("HK", "HKG", "hong kong", "hongkong"),
    ("HM", "HMD", "heard island and mcdonald islands", "heard und mcdonaldinseln"),
    ("HN", "HND", "honduras", "honduras"),
    ("HR", "HRV", "croatia", "kroatien"),
    ("HT", "HTI", "haiti", "haiti"),
    ("HU", "HUN", "hungary", "ungarn"),
    ("ID", "IDN", "indonesia", "indonesien"),
    ("IE", "IRL", "ireland", "irland"),
    ("IL", "ISR", "israel", "israel"),
    ("IM", "IMN", "isle of man", "insel man"),
    ("IN", "IND", "india", "indien"),
    ("IO", "IOT", "british indian ocean territory", "britisches territorium im indischen ozean"),
    ("IQ", "IRQ", "iraq", "irak"),
    ("IR", "IRN", "iran", "iran"),
    ("IS", "ISL", "iceland", "island"),
    ("IT", "ITA", "italy", "italien"),
    ("JE", "JEY", "jersey", "jersey"),
    ("JM", "JAM", "jamaica", "jamaika"),
    ("JO", "JOR", "jordan", "jordanien"),
    ("JP", "JPN", "japan", "japan"),
    ("KE", "KEN", "kenya", "kenia"),
    ("KG", "KGZ", "kyrgyzstan", "kirgisistan"),
    ("KH", "KHM", "cambodia", "kambodscha"),
    ("KI", "KIR", "kiribati", "kiribati"),
    ("KM", "COM", "comoros", "komoren"),
    ("KN", "KNA", "saint kitts and nevis", "st. kitts und nevis"),
    ("KP", "PRK", "north korea", "nordkorea"),
    ("KR", "KOR", "south korea", "südkorea"),
    ("KW", "KWT", "kuwait", "kuwait"),
    ("KY", "CYM", "cayman islands", "cayman-inseln"),
    ("KZ", "KAZ", "kazakhstan", "kasachstan"),
    ("LA", "LAO", "laos", "laos"),
    ("LB", "LBN", "lebanon", "libanon"),
    ("LC", "LCA", "saint lucia", "st. lucia"),
    ("LI", "LIE", "liechtenstein", "liechtenstein"),
    ("LK", "LKA", "sri lanka", "sri lanka"),
    ("LR", "LBR", "liberia", "liberia"),
    ("LS", "LSO", "lesotho", "lesotho"),
    ("LT", "LTU", "lithuania", "litauen"),
    ("LU", "LUX", "luxembourg", "luxemburg"),
    ("LV", "LVA", "latvia", "lettland"),
    ("LY", "LBY", "libya", "libyen"),
    ("MA", "MAR", "morocco", "marokko"),
    ("MC", "MCO", "monaco", "monaco"),
    ("MD", "MDA", "moldova", "moldau"),
    ("ME", "MNE", "montenegro", "montenegro"),
    ("MF", "MAF", "saint martin", "saint martin"),
    ("MG", "MDG", "madagascar", "madagaskar"),
    ("MH", "MHL", "marshall islands", "marshallinseln"),
    ("MK", "MKD", "north macedonia", "nordmazedonien"),
    ("ML", "MLI", "mali", "mali"),
    ("MM", "MMR", "myanmar", "myanmar"),
    ("MN", "MNG", "mongolia", "mongolei"),
    ("MO", "MAC", "macao", "macao"),
    ("MP", "MNP", "northern mariana islands", "nördliche marianen"),
    ("MQ", "MTQ", "martinique", "martinique"),
    ("MR", "MRT", "mauritania", "mauretanien"),
    ("MS", "MSR", "montserrat", "montserrat"),
    ("MT", "MLT", "malta", "malta"),
    ("MU", "MUS", "mauritius", "mauritius"),
    ("MV", "MDV", "maldives", "malediven"),
    ("MW", "MWI", "malawi", "malawi"),
    ("MX", "MEX", "mexico", "mexiko"),
    ("MY", "MYS", "malaysia", "malaysia"),
    ("MZ", "MOZ", "mozambique", "mosambik"),
    ("NA", "NAM", "namibia", "namibia"),
    ("NC", "NCL", "new caledonia", "neukaledonien"),
    ("NE", "NER", "niger", "niger"),
    ("NF", "NFK", "norfolk island", "norfolkinsel"),
    ("NG", "NGA", "nigeria", "nigeria"),
    ("NI", "NIC", "nicaragua", "nicaragua"),
    ("NL", "NLD", "netherlands", "niederlande"),
    ("NO", "NOR", "norway", "norwegen"),
    ("NP", "NPL", "nepal", "nepal"),
    ("NR", "NRU", "nauru", "nauru"),
    ("NU", "NIU", "niue", "niue"),
    ("NZ", "NZL", "new zealand", "neuseeland"),
    ("OM", "OMN", "oman", "oman"),
    ("PA", "PAN", "panama", "panama"),
    ("PE", "PER", "peru", "peru"),
    ("PF", "PYF", "french polynesia", "französisch-polynesien"),
    ("PG", "PNG", "papua new guinea", "papua-neuguinea"),
    ("PH", "PHL", "philippines", "philippinen"),
    ("PK", "PAK", "pakistan", "pakistan"),
    ("PL", "POL", "poland", "polen"),
    ("PM", "SPM", "saint pierre and miquelon", "st. pierre und miquelon"),
    ("PN", "PCN", "pitcairn", "pitcairn"),
    ("PR", "PRI", "puerto rico", "puerto rico"),
    ("PS", "PSE", "palestine", "palästina"),
    ("PT", "PRT", "portugal", "portugal"),
    ("PW", "PLW", "palau", "palau"),
    ("PY", "PRY", "paraguay", "paraguay"),
    ("QA", "QAT", "qatar", "katar"),
    ("RE", "REU", "réunion", "réunion"),
    ("RO", "ROU", "romania", "rumänien"),
    ("RS", "SRB", "serbia", "serbien"),
    ("RU", "RUS", "russian federation", "russische föderation"),
    ("RW", "RWA", "rwanda", "ruanda"),
    ("SA", "SAU", "saudi arabia", "saudi-arabien"),
    ("SB", "SLB", "solomon islands", "salomoninseln"),
    ("SC", "SYC", "seychelles", "seychellen"),
    ("SD", "SDN", "sudan", "sudan"),
    ("SE", "SWE", "sweden", "schweden"),
    ("SG", "SGP", "singapore", "singapur"),
    ("SH", "SHN", "saint helena", "st. helena"),
    ("SI", "SVN", "slovenia", "slowenien"),
    ("SJ", "SJM", "svalbard and jan mayen", "svalbard und jan mayen"),
    ("SK", "SVK", "slovakia", "slowakei"),
    ("SL", "SLE", "sierra leone", "sierra leone"),
    ("SM", "SMR", "san marino", "san marino"),
    ("SN", "SEN", "senegal", "senegal"),
    ("SO", "SOM", "somalia", "somalia"),
    ("SR", "SUR", "suriname", "suriname"),
    ("SS", "SSD", "south sudan", "südsudan"),
    ("ST", "STP", "sao tome and principe", "são tomé und príncipe"),
    ("SV", "SLV", "el salvador", "el salvador"),
    ("SX", "SXM", "sint maarten", "saint-martin"),
    ("SY", "SYR", "syria", "syrien"),
    ("SZ", "SWZ", "eswatini", "eswatini"),
    ("TC", "TCA", "turks and caicos islands", "turks- und caicosinseln"),
    ("TD", "TCD", "chad", "tschad"),
    ("TF", "ATF", "french southern territories", "französische süd- und antarktisgebiete"),
    ("TG", "TGO", "togo", "togo"),
    ("TH", "THA", "thailand", "thailand"),
    ("TJ", "TJK", "tajikistan", "tadschikistan"),
    ("TK", "TKL", "tokelau", "tokelau"),
    ("TL", "TLS", "timor-leste", "timor-leste"),
    ("TM", "TKM", "turkmenistan", "turkmenistan"),
    ("TN", "TUN", "tunisia", "tunesien"),
    ("TO", "TON", "tonga", "tonga"),
    ("TR", "TUR", "türkiye", "türkei"),
    ("TT", "TTO", "trinidad and tobago", "trinidad und tobago"),
    ("TV", "TUV", "tuvalu", "tuvalu"),
    ("TW", "TWN", "taiwan", "taiwan"),
    ("TZ", "TZA", "tanzania", "tansania"),
    ("UA", "UKR", "ukraine", "ukraine"),
    ("UG", "UGA", "uganda", "uganda"),
    ("UM", "UMI", "united states minor outlying islands", "united states minor outlying islands"),
    ("US", "USA", "united states", "vereinigte staaten"),
    ("UY", "URY", "uruguay", "uruguay"),
    ("UZ", "UZB", "uzbekistan", "usbekistan"),
    ("VA", "VAT", "holy see", "heiliger stuhl"),
    ("VC", "VCT", "saint vincent and the grenadines", "st. vincent und die grenadinen"),
    ("VE", "VEN", "venezuela", "venezuela"),
    ("VG", "VGB", "british virgin islands", "britische jungferninseln"),
    ("VI", "VIR", "united states virgin islands", "amerikanische jungferninseln"),
    ("VN", "VNM", "vietnam", "vietnam"),
    ("VU", "VUT", "vanuatu", "vanuatu"),
    ("WF", "WLF", "wallis and futuna", "wallis und futuna"),
    ("WS", "WSM", "samoa", "samoa"),
    ("YE", "YEM", "yemen", "jemen"),
    ("YT", "MYT", "mayotte", "mayotte"),
    ("ZA", "ZAF", "south africa", "südafrika"),
    ("ZM", "ZMB", "zambia", "sambia"),
    ("ZW", "ZWE", "zimbabwe", "simbabwe"),
    ("XK", "XKX", "kosovo", "kosovo"),
];

#[rustfmt::skip]
const LANGUAGES: [Language; 184] = [
    ("aa", "aar", "aar", "Afar", "afar"),
    ("ab", "abk", "abk", "Abkhazian", "abchasisch"),
    ("ae", "ave", "ave", "Avestan", "avestisch"),
    ("af", "afr", "afr", "Afrikaans", "afrikaans"),
    ("ak", "aka", "aka", "Akan", "akan"),
    ("am", "amh", "amh", "Amharic", "amharisch"),
    ("an", "arg", "arg", "Aragonese", "aragonesisch"),
    ("ar", "ara", "ara", "Arabic", "arabisch"),
    ("as", "asm", "asm", "Assamese", "assamesisch"),
    ("av", "ava", "ava", "Avaric", "awarisch"),
    ("ay", "aym", "aym", "Aymara", "aymara"),
    ("az", "aze", "aze", "Azerbaijani", "aserbaidschanisch"),
    ("ba", "bak", "bak", "Bashkir", "baschkirisch"),
    ("be", "bel", "bel", "Belarusian", "weißrussisch"),
    ("bg", "bul", "bul", "Bulgarian", "bulgarisch"),
    ("bh", "bih", "bih", "Bihari languages", "bihari-sprachen"),
    ("bi", "bis", "bis", "Bislama", "bislama"),
    ("bm", "bam", "bam", "Bambara", "bambara"),
    ("bn", "ben", "ben", "Bengali", "bengalisch"),
    ("bo", "bod", "tib", "Tibetan", "tibetisch"),
    ("br", "bre", "bre", "Breton", "bretonisch"),
    ("bs", "bos", "bos", "Bosnian", "bosnisch"),
    ("ca", "cat", "cat", "Catalan", "katalanisch"),
    ("ce", "che", "che", "Chechen", "tschetschenisch"),
    ("ch", "cha", "cha", "Chamorro", "chamorro"),
    ("co", "cos", "cos", "Corsican", "korsisch"),
    ("cr", "cre", "cre", "Cree", "cree"),
    ("cs", "ces", "cze", "Czech", "tschechisch"),
    ("cu", "chu", "chu", "Church Slavic", "kirchenslawisch"),
    ("cv", "chv", "chv", "Chuvash", "tschuwaschisch"),
    ("cy", "cym", "wel", "Welsh", "walisisch"),
    ("da", "dan", "dan", "Danish", "dänisch"),
    ("de", "deu", "ger", "German", "deutsch"),
    ("dv", "div", "div", "Divehi", "dhivehi"),
    ("dz", "dzo", "dzo", "Dzongkha", "dzongkha"),
    ("ee", "ewe", "ewe", "Ewe", "ewe-sprache"),
    ("el", "ell", "gre", "Greek", "griechisch"),
    ("en", "eng", "eng", "English", "englisch"),
    ("eo", "epo", "epo", "Esperanto", "esperanto"),
    ("es", "spa", "spa", "Spanish", "spanisch"),
    ("et", "est", "est", "Estonian", "estnisch"),
    ("eu", "eus", "baq", "Basque", "baskisch"),
    ("fa", "fas", "per", "Persian", "persisch"),
    ("ff", "ful", "ful", "Fulah", "ful"),
    ("fi", "fin", "fin", "Finnish", "finnisch"),
    ("fj", "fij", "fij", "Fijian", "fidschianisch"),
    ("fo", "fao", "fao", "Faroese", "färöisch"),
    ("fr", "fra", "fre", "French", "französisch"),
    ("fy", "fry", "fry", "Western Frisian", "westfriesisch"),
    ("ga", "gle", "gle", "Irish", "irisch"),
    ("gd", "gla", "gla", "Gaelic", "gälisch"),
    ("gl", "glg", "glg", "Galician", "galizisch"),
    ("gn", "grn", "grn", "Guarani", "guaraní"),
    ("gu", "guj", "guj", "Gujarati", "gujarati"),
    ("gv", "glv", "glv", "Manx", "manx"),
    ("ha", "hau", "hau", "Hausa", "haussa"),
    ("he", "heb", "heb", "Hebrew", "hebräisch"),
    ("hi", "hin", "hin", "Hindi", "hindi"),
    ("ho", "hmo", "hmo", "Hiri Motu", "hiri-motu"),
    ("hr", "hrv", "hrv", "Croatian", "kroatisch"),
    ("ht", "hat", "hat", "Haitian", "haitianisch"),
    ("hu", "hun", "hun", "Hungarian", "ungarisch"),
    ("hy", "hye", "arm", "Armenian", "armenisch"),
    ("hz", "her", "her", "Herero", "herero"),
    ("ia", "ina", "ina", "Interlingua", "interlingua"),
    ("id", "ind", "ind", "Indonesian", "indonesisch"),
    ("ie", "ile", "ile", "Interlingue", "interlingue"),
    ("ig", "ibo", "ibo", "Igbo", "ibo"),
    ("ii", "iii", "iii", "Sichuan Yi", "sichuan yi"),
    ("ik", "ipk", "ipk", "Inupiaq", "inupiaq"),
    ("io", "ido", "ido", "Ido", "ido"),
    ("is", "isl", "ice", "Icelandic", "isländisch"),
    ("it", "ita", "ita", "Italian", "italienisch"),
    ("iu", "iku", "iku", "Inuktitut", "inuktitut"),
    ("ja", "jpn", "jpn", "Japanese", "japanisch"),
    ("jv", "jav", "jav", "Javanese", "javanisch"),
    ("ka", "kat", "geo", "Georgian", "georgisch"),
    ("kg", "kon", "kon", "Kongo", "kongo"),
    ("ki", "kik", "kik", "Kikuyu", "kikuyu"),
    ("kj", "kua", "kua", "Kuanyama", "kwanyama"),
    ("kk", "kaz", "kaz", "Kazakh", "kasachisch"),
    ("kl", "kal", "kal", "Kalaallisut", "kalaallisut"),
    ("km", "khm", "khm", "Central Khmer", "zentral-khmer"),
    ("kn", "kan", "kan", "Kannada", "kannada"),
    ("ko", "kor", "kor", "Korean", "koreanisch"),
    ("kr", "kau", "kau", "Kanuri", "kanuri"),
    ("ks", "kas", "kas", "Kashmiri", "kaschmirisch"),
    ("ku", "kur", "kur", "Kurdish", "kurdisch"),
    ("kv", "kom", "kom", "Komi", "komi"),
    ("kw", "cor", "cor", "Cornish", "kornisch"),
    ("ky", "kir", "kir", "Kirghiz", "kirgisisch"),
    ("la", "lat", "lat", "Latin", "lateinisch"),
    ("lb", "ltz", "ltz", "Luxembourgish", "luxemburgisch"),
    ("lg", "lug", "lug", "Ganda", "ganda"),
    ("li", "lim", "lim", "Limburgan", "limburgisch"),
    ("ln", "lin", "lin", "Lingala", "lingala"),
    ("lo", "lao", "lao", "Lao", "laotisch"),
    ("lt", "lit", "lit", "Lithuanian", "litauisch"),
    ("lu", "lub", "lub", "Luba-Katanga", "luba-katanga"),
    ("lv", "lav", "lav", "Latvian", "lettisch"),
    ("mg", "mlg", "mlg", "Malagasy", "malagasi"),
    ("mh", "mah", "mah", "Marshallese", "marschallesisch"),
    ("mi", "mri", "mao", "Maori", "maori"),
    ("mk", "mkd", "mac", "Macedonian", "makedonisch"),
    ("ml", "mal", "mal", "Malayalam", "malayalam"),
    ("mn", "mon", "mon", "Mongolian", "mongolisch"),
    ("mr", "mar", "mar", "Marathi", "marathi"),
    ("ms", "msa", "may", "Malay", "malaiisch"),
    ("mt", "mlt", "mlt", "Maltese", "maltesisch"),
    ("my", "mya", "bur", "Burmese", "burmesisch"),
    ("na", "nau", "nau", "Nauru", "nauru"),
    ("nb", "nob", "nob", "Norwegian Bokmål", "bokmål"),
    ("nd", "nde", "nde", "North Ndebele", "nord-ndebele"),
    ("ne", "nep", "nep", "Nepali", "nepali"),
    ("ng", "ndo", "ndo", "Ndonga", "ndonga"),
    ("nl", "nld", "dut", "Dutch", "niederländisch"),
    ("nn", "nno", "nno", "Nynorsk", "neu-norwegisch"),
    ("no", "nor", "nor", "Norwegian", "norwegisch"),
    ("nr", "nbl", "nbl", "South Ndebele", "süd-ndebele"),
    ("nv", "nav", "nav", "Navajo", "navajo"),
    ("ny", "nya", "nya", "Chichewa", "chichewa"),
    ("oc", "oci", "oci", "Occitan", "okzitanisch"),
    ("oj", "oji", "oji", "Ojibwa", "ojibwa"),
    ("om", "orm", "orm", "Oromo", "oromo"),
    ("or", "ori", "ori", "Oriya", "oriya"),
    ("os", "oss", "oss", "Ossetian", "ossetisch"),
    ("pa", "pan", "pan", "Panjabi", "panjabi"),
    ("pi", "pli", "pli", "Pali", "pali"),
    ("pl", "pol", "pol", "Polish", "polnisch"),
    ("ps", "pus", "pus", "Pushto", "paschtunisch"),
    ("pt", "por", "por", "Portuguese", "portugiesisch"),
    ("qu", "que", "que", "Quechua", "quechua"),
    ("rm", "roh", "roh", "Romansh", "bündnerromanisch"),
    ("rn", "run", "run", "Rundi", "kirundi"),
    ("ro", "ron", "rum", "Romanian", "rumänisch"),
    ("ru", "rus", "rus", "Russian", "russisch"),
    ("rw", "kin", "kin", "Kinyarwanda", "kinyarwanda"),
    ("sa", "san", "san", "Sanskrit", "sanskrit"),
    ("sc", "srd", "srd", "Sardinian", "sardisch"),
    ("sd", "snd", "snd", "Sindhi", "sindhi"),
    ("se", "sme", "sme", "Northern Sami", "nord-samisch"),
    ("sg", "sag", "sag", "Sango", "sango"),
    ("si", "sin", "sin", "Sinhala", "singhalesisch"),
    ("sk", "slk", "slo", "Slovak", "slowakisch"),
    ("sl", "slv", "slv", "Slovenian", "slowenisch"),
    ("sm", "smo", "smo", "Samoan", "samoanisch"),
    ("sn", "sna", "sna", "Shona", "schona"),
    ("so", "som", "som", "Somali", "somali"),
    ("sq", "sqi", "alb", "Albanian", "albanisch"),
    ("sr", "srp", "srp", "Serbian", "serbisch"),
    ("ss", "ssw", "ssw", "Swati", "swazi"),
    ("st", "sot", "sot", "Sotho", "sotho"),
    ("su", "sun", "sun", "Sundanese", "sundanesisch"),
    ("sv", "swe", "swe", "Swedish", "schwedisch"),
    ("sw", "swa", "swa", "Swahili", "suaheli"),
    ("ta", "tam", "tam", "Tamil", "tamilisch"),
    ("te", "tel", "tel", "Telugu", "telugu"),
    ("tg", "tgk", "tgk", "Tajik", "tadschikisch"),
    ("th", "tha", "tha", "Thai", "thai"),
    ("ti", "tir", "tir", "Tigrinya", "tigrinja"),
    ("tk", "tuk", "tuk", "Turkmen", "turkmenisch"),
    ("tl", "tgl", "tgl", "Tagalog", "tagalog"),
    ("tn", "tsn", "tsn", "Tswana", "tswana"),
    ("to", "ton", "ton", "Tonga", "tonga"),
    ("tr", "tur", "tur", "Turkish", "türkisch"),
    ("ts", "tso", "tso", "Tsonga", "tsonga"),
    ("tt", "tat", "tat", "Tatar", "tatarisch"),
    ("tw", "twi", "twi", "Twi", "twi"),
    ("ty", "tah", "tah", "Tahitian", "tahitisch"),
    ("ug", "uig", "uig", "Uighur", "uigurisch"),
    ("uk", "ukr", "ukr", "Ukrainian", "ukrainisch"),
    ("ur", "urd", "urd", "Urdu", "urdu"),
    ("uz", "uzb", "uzb", "Uzbek", "usbekisch"),
    ("ve", "ven", "ven", "Venda", "venda"),
    ("vi", "vie", "vie", "Vietnamese", "vietnamesisch"),
    ("vo", "vol", "vol", "Volapük", "volapük"),
    ("wa", "wln", "wln", "Walloon", "wallonisch"),
    ("wo", "wol", "wol", "Wolof", "wolof"),
    ("xh", "xho", "xho", "Xhosa", "xhosa"),
    ("yi", "yid", "yid", "Yiddish", "jiddisch"),
    ("yo", "yor", "yor", "Yoruba", "joruba"),
    ("za", "zha", "zha", "Zhuang", "zhuang"),
    ("zh", "zho", "chi", "Chinese", "chinesisch"),
    ("zu", "zul", "zul", "Zulu", "zulu"),
];
