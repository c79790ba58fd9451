//! Each way out, followed to the letter: it ends in a manifest that is sound and says what was meant.
//!
//! Never: a help that leads to the next problem.

use concordat::{
    domain::{catalogue::Catalogue, problem::Problem, state::Absence, validate::validate},
    manifest::{Source, read_objects},
};

const GOOD: &str = r#"apiVersion: concordat.dev/v1alpha1
kind: PartnerOffer
metadata:
  name: desk
  namespace: msp
  labels:
    tier: first
spec:
  partner:
    tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee
    displayName: Contoso
  type: GranularDelegatedAdmin
  cloud: Global
  duration: P365D
  roles:
    - Helpdesk Administrator
    - Message Center Reader
  terms:
    url: https://contoso.example/terms
    sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
---
apiVersion: concordat.dev/v1alpha1
kind: PartnerRelationship
metadata:
  name: fabrikam
  namespace: msp
spec:
  customer:
    tenantId: bbbbcccc-1111-dddd-2222-eeee3333ffff
    displayName: Fabrikam
  displayName: fabrikam-desk
  offerRef:
    name: desk
  autoExtendDuration: PT0S
  managementPolicy: Manage
  suspend: false
---
apiVersion: concordat.dev/v1alpha1
kind: RoleGrant
metadata:
  name: first-line
  namespace: msp
spec:
  relationshipRef:
    name: fabrikam
  grantee:
    securityGroup:
      id: 0a0a0a0a-1111-4222-8333-444444444444
      displayName: First line
  roles:
    - Message Center Reader
  notAfter: "2128-06-30T00:00:00Z"
  justification: calls at night
---
apiVersion: concordat.dev/v1alpha1
kind: AgreementAcceptance
metadata:
  name: fabrikam-mca
  namespace: msp
spec:
  decision: Accept
  customer:
    tenantId: ccccdddd-1111-dddd-2222-eeee3333ffff
  partner:
    tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee
  agreement:
    type: MicrosoftCustomerAgreement
    templateId: 117a77b0-9360-443b-8795-c6dedc750cf9
    country: FR
    language: fr-FR
    documentSha256: 1c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
  acceptedBy:
    firstName: Ada
    lastName: Lovelace
    email: ada@fabrikam.example
    phoneNumber: +49 30 1234567
    role: GlobalAdministrator
  acceptedAt: "2026-01-16T09:00:00Z"
  readConfirmed: true
"#;

fn problems(text: &str) -> Vec<Problem> {
    let sources = [Source::Stdin(text.as_bytes().to_vec())];
    let (input, objects, mut problems) = read_objects(&sources, "default", Absence::Keep).unwrap();
    problems.extend(input.problems.iter().cloned());
    let now = "2026-11-29T00:00:00Z".parse().unwrap();
    problems.extend(validate(&objects, Catalogue::compiled(), now).problems);
    input.locate(&mut problems);
    problems
}

fn words(problems: &[Problem]) -> String {
    let word = |Problem { code, path, message, help, .. }: &Problem| {
        format!("{code} {path}: {message} ({})\n", help.as_deref().unwrap_or_default())
    };
    problems.iter().map(word).collect()
}

/// The good manifests with another value on the first line that begins so.
fn with(line: &str, value: &str) -> String {
    let mut lines: Vec<String> = GOOD.lines().map(str::to_owned).collect();
    let found = lines.iter_mut().find(|other| other.trim_start().starts_with(line));
    let found = found.unwrap_or_else(|| panic!("no line begins with `{line}`"));
    let indent = found.len() - found.trim_start().len();
    let key = match line.strip_prefix("- ") {
        Some(_) => "-".to_owned(),
        None => format!("{}:", line.split(':').next().unwrap()),
    };
    *found = format!("{}{key} {value}", " ".repeat(indent));
    lines.join("\n") + "\n"
}

/// What the help says to write.
fn told(problem: &Problem) -> String {
    let help = problem.help.as_deref().unwrap_or_default();
    let begins = ["write `", "put it in quotes: `", "did you mean `", "of one script: `"];
    let found = begins.iter().find_map(|begin| help.split_once(begin));
    let (_, rest) = found.unwrap_or_else(|| panic!("{}: {help}", problem.message));
    rest.split('`').next().unwrap().to_owned()
}

/// The text after the help was followed.
fn followed(text: &str, problem: &Problem) -> String {
    let place = problem.place.as_ref().unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let line = &mut lines[place.line - 1];
    let before = match line.trim_start().strip_prefix("- ") {
        Some(_) => line.split_once('-').unwrap().0.to_owned() + "- ",
        None => line.split_once(": ").unwrap().0.to_owned() + ": ",
    };
    *line = before + &told(problem);
    lines.join("\n") + "\n"
}

#[test]
fn the_good_manifests_have_no_problems() {
    assert_eq!(words(&problems(GOOD)), "");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one row for each form")]
fn whoever_follows_a_help_to_the_letter_ends_with_a_sound_manifest() {
    let guid = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
    let sha = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    let cases: &[(&str, &str, &str)] = &[
        ("tenantId: aaaa", "\"{AAAABBBB-0000-CCCC-1111-DDDD2222EEEE}\"", guid),
        ("tenantId: aaaa", "'aaaabbbb-0000-cccc-1111-dddd2222eeee '", guid),
        ("tenantId: aaaa", "urn:uuid:aaaabbbb-0000-cccc-1111-dddd2222eeee", guid),
        ("tenantId: aaaa", "aaaabbbb0000cccc1111dddd2222eeee", guid),
        ("duration: P365D", "P1Y", "P365D"),
        ("duration: P365D", "P2Y", "P730D"),
        ("duration: P365D", "365", "P365D"),
        ("duration: P365D", "365 days", "P365D"),
        ("sha256: 2c", "2C26B46B68FFC68FF99B453C1D30413413422D706483BFA0F98A5E886266E7AE", sha),
        (
            "sha256: 2c",
            "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            sha,
        ),
        ("url:", "http://contoso.example/terms", "https://contoso.example/terms"),
        ("url:", "contoso.example/terms", "https://contoso.example/terms"),
        ("type: Gran", "GDAP", "GranularDelegatedAdmin"),
        ("type: Gran", "granular-delegated-admin", "GranularDelegatedAdmin"),
        ("cloud:", "AzureCloud", "Global"),
        ("displayName: Contoso", "2026", "\"2026\""),
        ("displayName: Contoso", "0x1F", "\"0x1F\""),
        ("displayName: Contoso", "True", "\"True\""),
        ("displayName: Contoso", "no", "\"no\""),
        ("displayName: Contoso", "1_000", "\"1_000\""),
        ("displayName: Contoso", "Null", "\"Null\""),
        ("displayName: Contoso", "Cоntoso", "Contoso"),
        ("displayName: Contoso", "[Contoso]", "Contoso"),
        ("tier: first", "1_0e2", "\"1_0e2\""),
        ("tier: first", "0b1_0", "\"0b1_0\""),
        ("tier: first", "0x_1F", "\"0x_1F\""),
        ("tier: first", "yes", "\"yes\""),
        ("displayName: fabrikam-desk", "fabrikam/desk", "fabrikam-desk"),
        ("autoExtendDuration", "P0D", "PT0S"),
        ("autoExtendDuration", "P6M", "P180D"),
        ("managementPolicy", "ReadOnly", "Observe"),
        ("suspend", "no", "false"),
        ("suspend", "\"off\"", "false"),
        ("suspend", "0", "false"),
        ("suspend", "nein", "false"),
        ("notAfter", "2128-06-30", "\"2128-06-30T00:00:00Z\""),
        ("notAfter", "2128-06-30 12:00:00Z", "2128-06-30T12:00:00Z"),
        ("justification", "5", "\"5\""),
        ("decision", "Accepted", "Accept"),
        ("country", "no", "\"NO\""),
        ("country", "NO", "\"NO\""),
        ("country", "fr", "FR"),
        ("country", "FRA", "FR"),
        ("language", "no", "\"no\""),
        ("language", "fr_FR", "fr-FR"),
        ("email", "Ada <ada@fabrikam.example>", "ada@fabrikam.example"),
        ("email", "<ada@fabrikam.example>", "ada@fabrikam.example"),
        ("email", "mailto:ada@fabrikam.example", "ada@fabrikam.example"),
        ("email", "MAILTO:ada@fabrikam.example?subject=hi", "ada@fabrikam.example"),
        ("email", "'\"Lovelace, Ada\" <ada@fabrikam.example>'", "ada@fabrikam.example"),
        ("email", "ada@fabrikam.example.", "ada@fabrikam.example"),
        ("email", "\"'ada@fabrikam.example'\"", "ada@fabrikam.example"),
        ("url:", "https:/contoso.example/terms", "https://contoso.example/terms"),
        ("url:", "https//contoso.example/terms", "https://contoso.example/terms"),
        ("url:", "http://localhost/x", "https://localhost/x"),
        ("url:", "//contoso.example/terms", "https://contoso.example/terms"),
        ("url:", "HTTPS://contoso.example/terms", "https://contoso.example/terms"),
        ("country", "UK", "GB"),
        ("country", "uk", "GB"),
        ("country", "EL", "GR"),
        ("country", "DEU", "DE"),
        ("country", "Deutschland", "DE"),
        ("country", "Österreich", "AT"),
        ("country", "SVN", "SI"),
        ("country", "Côte d'Ivoire", "CI"),
        ("country", "de_CH", "CH"),
        ("language", "jp", "ja"),
        ("language", "cz", "cs"),
        ("language", "dk", "da"),
        ("language", "cn", "zh"),
        ("language", "gr", "el"),
        ("language", "jp_JP", "ja-JP"),
        ("language", "en_US", "en-US"),
        ("language", "ENG", "en"),
        ("language", "en-UK", "en-GB"),
        ("language", "en-EN", "en"),
        ("language", "Deutsch", "de"),
        ("language", "en-USA", "en-US"),
        ("language", "en-GBR", "en-GB"),
        ("language", "pt-BRA", "pt-BR"),
        ("language", "zh-CHN", "zh-CN"),
        ("language", "eng-US", "en-US"),
        ("language", "de-DE-DE", "de-DE"),
        ("language", "fr-FRANCE", "fr-FR"),
        ("url:", "https://münchen.example/terms", "https://xn--mnchen-3ya.example/terms"),
        (
            "url:",
            "https://MÜNCHEN.example:8443/a?b=ü",
            "https://xn--mnchen-3ya.example:8443/a?b=%C3%BC",
        ),
        ("url:", "http://例え.テスト", "https://xn--r8jz45g.xn--zckzah"),
        ("phoneNumber", "+99999999999999999999", "\"+99999999999999999999\""),
        ("displayName: Contoso", "99999999999999999999", "\"99999999999999999999\""),
        ("displayName: Contoso", "0xFFFFFFFFFFFFFFFFFFFF", "\"0xFFFFFFFFFFFFFFFFFFFF\""),
        ("displayName: Contoso", "1e3", "\"1e3\""),
        ("displayName: Contoso", "-99999999999999999999", "\"-99999999999999999999\""),
        ("notAfter", "30.6.2127", "\"2127-06-30T00:00:00Z\""),
        ("notAfter", "30/06/2127", "\"2127-06-30T00:00:00Z\""),
        ("notAfter", "06/30/2127", "\"2127-06-30T00:00:00Z\""),
        ("notAfter", "June 30, 2127", "\"2127-06-30T00:00:00Z\""),
        ("notAfter", "30 June 2127", "\"2127-06-30T00:00:00Z\""),
        ("notAfter", "30. Juni 2127", "\"2127-06-30T00:00:00Z\""),
        ("notAfter", "30 juin 2127", "\"2127-06-30T00:00:00Z\""),
        ("notAfter", "2127年6月30日", "\"2127-06-30T00:00:00Z\""),
        ("notAfter", "2127/06/30", "\"2127-06-30T00:00:00Z\""),
        ("notAfter", "21270630", "\"2127-06-30T00:00:00Z\""),
        ("notAfter", "2127-06-30 22:00", "\"2127-06-30T22:00:00Z\""),
        ("notAfter", "2127-06-30T22:00", "\"2127-06-30T22:00:00Z\""),
        ("notAfter", "2127-W26-3", "\"2127-06-25T00:00:00Z\""),
        ("notAfter", "30-Jun-87", "\"2087-06-30T00:00:00Z\""),
        ("notAfter", "Mon, 30 Jun 2127 22:00:00 GMT", "2127-06-30T22:00:00Z"),
        ("notAfter", "June 30, 2127 10:00 PM UTC", "2127-06-30T22:00:00Z"),
        ("notAfter", "30.06.2127 22:00 +02:00", "2127-06-30T20:00:00Z"),
        ("notAfter", "46934", "\"2028-06-30T00:00:00Z\""),
        ("notAfter", "46934.5", "\"2028-06-30T12:00:00Z\""),
        ("notAfter", "4985000000", "2127-12-20T18:13:20Z"),
        ("notAfter", "4985000000000", "2127-12-20T18:13:20Z"),
        ("notAfter", "/Date(4985000000000)/", "2127-12-20T18:13:20Z"),
        ("acceptedAt", "16. Januar 2026, 09:00 Uhr", "\"2026-01-16T09:00:00Z\""),
        ("phoneNumber", "+4989123456", "\"+4989123456\""),
        ("phoneNumber", "٠٨٩١٢٣", "\"089123\""),
        ("notAfter", "2128-06-30T24:00:00Z", "2128-07-01T00:00:00Z"),
        ("readConfirmed", "是", "true"),
        ("country", "日本", "JP"),
        ("cloud:", "Gallatin", "China21Vianet"),
        ("role: Global", "GA", "GlobalAdministrator"),
        ("role: Global", "62e90394-69f5-4237-9190-012177145e10", "GlobalAdministrator"),
        ("role: Global", "Abrechnungsadministrator", "BillingAdministrator"),
        ("phoneNumber", "tel:+49-89-123456", "\"+49-89-123456\""),
        (
            "documentSha256",
            "1234567890123456789012345678901234567890123456789012345678901234",
            "\"1234567890123456789012345678901234567890123456789012345678901234\"",
        ),
        ("lastName", "Null", "\"Null\""),
        ("lastName", "True", "\"True\""),
        ("role: Global", "Global Administrator", "GlobalAdministrator"),
        ("role: Global", "Company Administrator", "GlobalAdministrator"),
        ("acceptedAt", "2026-01-16 09:00:00Z", "2026-01-16T09:00:00Z"),
        ("acceptedAt", "2026-01-16T09:00Z", "2026-01-16T09:00:00Z"),
        ("readConfirmed", "yes", "true"),
        ("readConfirmed", "\"yes\"", "true"),
        ("readConfirmed", "1", "true"),
        ("- Helpdesk", "Helpdesk Admin", "Helpdesk Administrator"),
        (
            "- Helpdesk",
            "{id: 729827e3-9c14-49f7-bb1b-9608f156bbb8}",
            "729827e3-9c14-49f7-bb1b-9608f156bbb8",
        ),
        ("- Helpdesk", "{Helpdesk Administrator}", "Helpdesk Administrator"),
        ("- Helpdesk", "{name: Helpdesk Administrator}", "Helpdesk Administrator"),
        (
            "- Helpdesk",
            "{id: x, roleDefinitionId: 729827e3-9c14-49f7-bb1b-9608f156bbb8}",
            "729827e3-9c14-49f7-bb1b-9608f156bbb8",
        ),
        (
            "- Helpdesk",
            "{729827e3-9c14-49f7-bb1b-9608f156bbb8}",
            "729827e3-9c14-49f7-bb1b-9608f156bbb8",
        ),
        ("tenantId: aaaa", "{aaaabbbb-0000-cccc-1111-dddd2222eeee}", guid),
        ("- Helpdesk", "ヘルプデスク管理者", "Helpdesk Administrator"),
        ("- Helpdesk", "Service Administrator", "Service Support Administrator"),
        ("- Helpdesk", "SharePoint Online Administrator", "SharePoint Administrator"),
    ];
    let mut wrong = Vec::new();
    for (line, typed, expected) in cases {
        let text = with(line, typed);
        let found = problems(&text);
        let [problem] = &found[..] else {
            wrong.push(format!("{line} {typed}: {} problems\n{}", found.len(), words(&found)));
            continue;
        };
        if told(problem) != *expected {
            wrong.push(format!("{line} {typed}: told `{}`: {}", told(problem), words(&found)));
            continue;
        }
        let after = problems(&followed(&text, problem));
        if !after.is_empty() {
            wrong.push(format!("{line} {typed} → {expected}: {}", words(&after)));
        }
    }
    assert_eq!(wrong.concat(), "");
}

const TWO_ROLES: &str = "these are 2 roles: write each as an item of its own: `- Helpdesk Administrator`, \
                         `- User Administrator`";

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one row for each form")]
fn where_no_value_says_it_the_help_says_what_to_do() {
    for (line, typed, expected) in [
        ("notAfter", "\"9999-12-31T23:59:59Z\"", "leave `notAfter` out"),
        ("notAfter", "never", "leave `notAfter` out"),
        ("notAfter", "\"3000-01-01T00:00:00Z\"", "the year that is meant"),
        ("notAfter", "\"0228-06-30T22:00:00Z\"", "the year that is meant"),
        ("notAfter", "2128-06-30T12:00:00", "with the offset of the place that is meant"),
        ("notAfter", "05/06/2127", "`\"2127-05-06T00:00:00Z\"` or `\"2127-06-05T00:00:00Z\"`"),
        ("tenantId: aaaa", "[tenant]", "not a list"),
        ("notAfter", "tomorrow", "write the date and time itself"),
        ("notAfter", "in 2 years", "write the date and time itself"),
        ("notAfter", "P2Y", "write the date and time itself"),
        ("duration", "P800D", "at most `P730D`"),
        ("duration", "P0D", "at least `P1D`"),
        ("duration", "P365DT12H", "write whole days"),
        ("duration", "never", "a number of days"),
        ("duration", "2026-12-31", "not when it ends"),
        ("acceptedAt", "now", "write the date and time itself"),
        ("email", "a@x..y", "single dots between its parts"),
        ("email", "a@.x.y", "single dots between its parts"),
        ("email", "a@x.", "single dots between its parts"),
        ("email", "a@b.example; c@d.example", "write one address"),
        ("email", "ada lovelace@fabrikam.example", "without blanks"),
        ("email", "'\"ada lovelace\"@fabrikam.example'", "without blanks"),
        ("email", "fabrikam", "write the whole address"),
        ("url:", "https://.", "write the whole link"),
        ("url:", "https://", "write the whole link"),
        ("url:", "http:/x", "write the whole link"),
        ("url:", "https:///terms", "write the whole link"),
        ("url:", "https://256.1.1.1/terms", "write the whole link"),
        ("url:", "https://contoso.example:99999/", "write the whole link"),
        ("country", "EN", "is the language English"),
        ("country", "EU", "that is no country"),
        ("country", "XX", "no country has this code"),
        ("country", "ZZ", "no country has this code"),
        ("country", "AA", "no country has this code"),
        ("language", "PK", "is a country"),
        ("language", "en-EU", "no country `EU`"),
        ("url:", "https://mün\u{2603}\u{fe0f}..example/", "begins with `xn--`"),
        ("phoneNumber", "+49 30 1234567 ext. 12", "takes no extension"),
        ("phoneNumber", "\"+49 30 1234567 x12\"", "takes no extension"),
        ("phoneNumber", "\"tel:+49-30-1234567;ext=12\"", "takes no extension"),
        ("phoneNumber", "\"+49 30 1234567 #12\"", "takes no extension"),
        ("phoneNumber", "\"+49 30 1234567 / +49 30 7654321\"", "write one number"),
        ("phoneNumber", "\"+49 30 1234567 / Durchwahl 12\"", "takes no extension"),
        ("language", "en-XX", "no country `XX`"),
        ("language", "en-12", "a language that exists"),
        ("language", "en-Fooo", "a language that exists"),
        ("language", "en-English", "a language that exists"),
        ("language", "und", "a language that exists"),
        ("suspend", "99999999999999999999", "not the number `99999999999999999999`"),
        ("suspend", ".inf", "put it in quotes"),
        ("tenantId: aaaa", "contoso.onmicrosoft.com", "that is a domain"),
        ("tenantId: aaaa", "Contoso", "the page `Overview`"),
        ("id: 0a0a", "First line", "on the page of the group or user"),
        ("autoExtendDuration", "P90D", "one of `PT0S`, `P180D`"),
        ("cloud:", "USGovL6", "one of `Global`"),
        ("justification", "#INC0012345 approved", "what follows `#` is a comment"),
        ("lastName", "#1 Smith", "what follows `#` is a comment"),
        ("- Helpdesk", "Owner", "Azure subscriptions"),
        ("- Helpdesk", "Helpdesk Administrator, User Administrator", TWO_ROLES),
        ("- Helpdesk", "Helpdesk Administrator; User Administrator;", TWO_ROLES),
        ("- Helpdesk", "Helpdesk Administrator and User Administrator", TWO_ROLES),
        ("- Helpdesk", "Helpdesk Admin & User Admin", TWO_ROLES),
        ("- Helpdesk", "Helpdesk Administrator/User Administrator", TWO_ROLES),
        ("- Helpdesk", "Helpdesk Administrator und User Administrator", TWO_ROLES),
        ("- Helpdesk", "Helpdesk Administrator User Administrator", TWO_ROLES),
        ("- Helpdesk", "'- Helpdesk Administrator - User Administrator'", TWO_ROLES),
        (
            "- Helpdesk",
            "729827e3-9c14-49f7-bb1b-9608f156bbb8, fe930be7-5e62-47db-91af-98c3a49a38b1",
            TWO_ROLES,
        ),
        (
            "- Helpdesk",
            "\"Helpdesk Administrator\\nUser Administrator\"",
            "write each as an item of its own: `- Helpdesk Administrator`, `- User Administrator`",
        ),
        (
            "- Helpdesk",
            "User Administrator, Groups Administrator and Billing Administrator",
            "these are 3 roles: write each as an item of its own: `- User Administrator`, \
             `- Groups Administrator`, `- Billing Administrator`",
        ),
        (
            "- Helpdesk",
            "Helpdesk Administrator, Plumber",
            "write each role as an item of its own: `- Helpdesk Administrator`, `- Plumber`",
        ),
        ("- Helpdesk", "GA", "GA is short for `Global Administrator`"),
        ("- Helpdesk", "G.A. role", "GA is short for `Global Administrator`"),
        ("- Helpdesk", "#Message Center Reader", "remove the `#`, or the whole line"),
        ("tenantId: aaaa", "null", "the page `Overview`"),
        ("tenantId: aaaa", "#aaaabbbb-0000-cccc-1111-dddd2222eeee", "write the value before it"),
        ("country", "NULL", "in two capital letters"),
        ("readConfirmed", "nein", "only `true` confirms"),
        ("readConfirmed", "no", "only `true` confirms"),
        ("readConfirmed", "\"no\"", "only `true` confirms"),
    ] {
        let mut text = with(line, typed);
        if line == "justification" {
            text = text.replace(
                "    - Message Center Reader\n  notAfter",
                "    - Helpdesk Administrator\n  notAfter",
            );
        }
        let mut found = problems(&text);
        found.retain(|problem| problem.code.to_string() != "C0024");
        let help = words(&found);
        assert!(found.len() == 1 && help.contains(expected), "{line} {typed}: {help}");
    }
}

#[test]
fn a_comment_in_the_place_of_a_value_is_warned_of() {
    for (line, typed) in [
        ("notAfter", "#2127-06-30"),
        ("suspend", "#true"),
        ("autoExtendDuration", "# P180D"),
        ("justification", "#INC0012345"),
    ] {
        let found = words(&problems(&with(line, typed)));
        assert!(found.contains("what follows `#` is a comment"), "{line} {typed}: {found}");
        assert_eq!(found.lines().count(), 1, "{line} {typed}: {found}");
    }
    for typed in ["", "#", "a value # and why"] {
        assert_eq!(words(&problems(&with("justification", typed))), "", "{typed}");
    }
}

#[test]
fn a_field_under_a_wrong_name_is_told_once() {
    for (line, wrong) in [
        ("    securityGroup:\n", "    group:\n"),
        (
            "  roles:\n    - Message Center Reader\n  notAfter",
            "  role:\n    - Message Center Reader\n  notAfter",
        ),
        ("  relationshipRef:\n", "  relationshipReff:\n"),
    ] {
        let found = words(&problems(&GOOD.replace(line, wrong)));
        assert!(found.contains("C0101"), "{wrong}: {found}");
        assert_eq!(found.lines().count(), 1, "{wrong}: {found}");
    }
}

#[test]
fn names_of_every_language_are_taken() {
    for name in [
        "IT-Служба",
        "M365-Администраторы",
        "GDAP-Διαχειριστές",
        "HR/Персонал",
        "ＮＴＴドコモ",
        "株式会社ＡＢＣ",
        "ＡＢＣ",
        "Петров-Smith",
        "مدير IT",
        "삼성SDS",
    ] {
        for line in
            ["displayName: Contoso", "displayName: Fabrikam", "displayName: First", "lastName"]
        {
            assert_eq!(words(&problems(&with(line, name))), "", "{line} {name}");
        }
    }
    for address in
        ["иван.петров@fabrikam.example", "jürgen.müller@fabrikam.example", "анна@пример.example"]
    {
        assert_eq!(words(&problems(&with("email", address))), "", "{address}");
    }
}

#[test]
fn a_name_that_can_be_taken_for_another_one_is_warned_of() {
    let second = GOOD.split("---\n").nth(2).unwrap();
    let second = second
        .replace("first-line", "second-line")
        .replace("0a0a0a0a", "0b0b0b0b")
        .replace("First line", "СОС");
    let text = with("displayName: First", "COC") + "---\n" + &second;
    let found = words(&problems(&text));
    assert!(found.contains("C0022") && found.contains("can be taken for"), "{found}");
    let different = text.replace("СОС", "Служба");
    assert_eq!(words(&problems(&different)), "");
}

#[test]
fn what_can_never_be_meant_is_told() {
    for (line, typed, expected) in [
        ("tenantId: bbbb", "00000000-0000-0000-0000-000000000000", "is nobody's"),
        ("tenantId: aaaa", "ffffffff-ffff-ffff-ffff-ffffffffffff", "is nobody's"),
        ("id: 0a0a", "00000000-0000-0000-0000-000000000000", "is nobody's"),
        ("displayName: Fabrikam", "${FABRIKAM_NAME:=Fabrikam}", "was not replaced"),
        ("displayName: First", "\"{{ .Values.group }}\"", "was not replaced"),
        ("tenantId: bbbb", "${TENANT}", "was not replaced"),
        ("justification", "${TICKET}", "was not replaced"),
        ("tier: first", "${TIER}", "was not replaced"),
        ("displayName: fabrikam-desk", "\" \"", "not blanks alone"),
        ("displayName: Fabrikam", "TODO", "`TODO` is a placeholder (write what is meant"),
        ("displayName: First", "\"#REF!\"", "is a placeholder"),
        ("displayName: Fabrikam", "\"[Customer]\"", "is a placeholder"),
        ("displayName: Fabrikam", "\"[Customer Name]\"", "is a placeholder"),
        ("displayName: Fabrikam", "\"[your company]\"", "is a placeholder"),
        ("displayName: Fabrikam", "(Customer)", "is a placeholder"),
        ("displayName: Fabrikam", "\"[Kunde]\"", "is a placeholder"),
        ("displayName: Fabrikam", "Customer Name", "is a placeholder"),
        ("displayName: Fabrikam", "(TBD)", "is a placeholder"),
        ("displayName: Fabrikam", "customer-name", "is a placeholder"),
        ("displayName: Fabrikam", "YOURCOMPANY", "is a placeholder"),
        ("displayName: Fabrikam", "“Fabrikam”", "the quotes are a part of the text `“Fabrikam”`"),
        ("displayName: Fabrikam", "Fabrikam\u{a0}# the desk", "the blank before `#` is U+00A0"),
        ("justification", "\"emergency account, password: x7#kA9pq\"", "may hold a secret"),
        ("justification", "see ghp_hunter2hunter2", "`…ghp_…` may hold a secret"),
        ("tier: first", "AIzaSyhunter2-hunter2_hunter2-x", "may hold a secret"),
        ("url:", "https://TODO/terms", "is a placeholder"),
        ("url:", "https://todo", "is a placeholder"),
        ("url:", "https://contoso.example/TODO", "is a placeholder"),
        ("url:", "https://changeme/terms", "is a placeholder"),
        ("url:", "https://your-company.com/terms", "is a placeholder"),
        ("url:", "https://TENANT.sharepoint.com/terms", "is a placeholder"),
        ("email", "TODO@fabrikam.example", "is a placeholder"),
        ("email", "ada@TODO", "is a placeholder"),
        ("email", "ada@yourcompany.com", "is a placeholder"),
        ("justification", "n/a", "is a placeholder"),
        ("justification", "TBD", "is a placeholder"),
        ("firstName", "xxx", "is a placeholder"),
        ("displayName: Fabrikam", "#N/A", "is a placeholder"),
        ("tenantId: bbbb", "your-tenant-id", "is a placeholder (the tenant id stands"),
        ("tenantId: bbbb", "TENANT_ID_HERE", "is a placeholder (the tenant id stands"),
        ("tenantId: bbbb", "__TENANT_1__", "is a placeholder"),
        ("tenantId: bbbb", "<TENANT_1>", "is a placeholder"),
        ("tenantId: bbbb", "\"[TENANT]\"", "is a placeholder"),
        ("tenantId: bbbb", "\"%TENANT%\"", "is a placeholder"),
        (
            "tenantId: bbbb",
            "11111111-1111-1111-1111-111111111111",
            "is a placeholder that somebody made up",
        ),
        (
            "id: 0a0a",
            "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
            "is a placeholder that somebody made up",
        ),
        (
            "documentSha256",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "is the digest of an empty text (`sha256sum FILE`",
        ),
        (
            "sha256: 2c",
            "\"0000000000000000000000000000000000000000000000000000000000000000\"",
            "is a placeholder that somebody made up",
        ),
        ("tenantId: cccc", "aaaabbbb-0000-cccc-1111-dddd2222eeee", "are the same tenant"),
        ("tenantId: bbbb", "aaaabbbb-0000-cccc-1111-dddd2222eeee", "are the same tenant"),
        ("id: 0a0a", "bbbbcccc-1111-dddd-2222-eeee3333ffff", "is the tenant of the customer"),
        ("id: 0a0a", "AAAABBBB-0000-cccc-1111-dddd2222eeee", "is the tenant of the partner"),
        (
            "id: 0a0a",
            "729827e3-9c14-49f7-bb1b-9608f156bbb8",
            "is the role `Helpdesk Administrator`",
        ),
        ("email", "ENC[AES256_GCM,data:9k3jx2Q=,iv:AAAA,tag:BBBB,type:str]", "is encrypted"),
    ] {
        let found = problems(&with(line, typed));
        let said = words(&found);
        assert!(said.contains(expected), "{line} {typed}: {said}");
        // An offer or a relationship that nobody can read is not judged further.
        assert_eq!(found.len(), 1, "{line} {typed}: {said}");
    }
}

#[test]
fn what_may_hold_a_password_is_not_quoted() {
    for link in [
        "https://ada:hunter2@contoso.example/terms",
        "https://ada:hun/ter2@contoso.example/terms",
        "http:/ada:hunter2@contoso.example/terms",
        "ada:hunter2@contoso.example/terms",
        "https://hunter2@contoso.example",
    ] {
        for line in ["url:", "sha256: 2c", "tenantId: aaaa", "cloud:"] {
            let found = problems(&with(line, link));
            let said = words(&found);
            let is_shown = said.contains("ter2") && (line == "url:" || link.contains("://"));
            assert!(found.len() == 1 && !is_shown, "{line} {link}: {said}");
        }
        let found = words(&problems(&with("url:", link)));
        assert!(found.contains("without a name or a password"), "{link}: {found}");
    }
}

#[test]
fn what_may_be_a_secret_is_quoted_neither_as_a_value_nor_as_a_key() {
    for secret in [
        "password=hunter2",
        "AccountKey=hunter2AAAA==;EndpointSuffix=core.windows.net",
        "{\\\"clientSecret\\\": \\\"hunter2\\\"}",
        "eyJhbGciOiJIUzI1NiJ9.eyJhunter2IjoiaHVudGVyMiJ9.hunter2",
        "ghp_hunter2hunter2hunter2hunter2hunter2hu",
        "xoxb-123456789012-hunter2hunter2",
        "aBc8Q~hunter2hunter2hunter2hunter2hunter2",
        "-----BEGIN PRIVATE KEY-----hunter2",
        "-----BEGIN RSA PRIVATE KEY-----\\nhunter2\\n, Helpdesk Administrator\\n",
        "https://ada:hunter2@contoso.example/",
        "ada:hunter2@contoso.example",
        "pw: hunter2",
        "DB_PASS=hunter2",
        "the password is hunter2",
        "mysql --password hunter2",
        "Password＝hunter2",
        "Пароль: hunter2",
        "hasło: hunter2",
        "パスワード：hunter2",
        "https://hooks.slack.com/services/T0/B0/hunter2",
    ] {
        let value = format!("\"{secret}\"");
        for line in [
            "name: desk",
            "tier: first",
            "tenantId: aaaa",
            "type: Gran",
            "duration",
            "- Helpdesk",
            "sha256: 2c",
            "notAfter",
            "country",
            "email",
            "role: Global",
            "readConfirmed",
        ] {
            let said = words(&problems(&with(line, &value)));
            assert!(!said.contains("hunter2"), "{line} {secret}: {said}");
        }
        for (line, twice) in [("cloud: Global", 1), ("cloud: Global", 2), ("tier: first", 1)] {
            let (key, _) = line.split_once(':').unwrap();
            let field = format!("{value}: no\n");
            let indent = if key == "cloud" { "  " } else { "    " };
            let fields = format!("{indent}{field}").repeat(twice);
            let text = GOOD.replacen(&format!("{indent}{line}\n"), &fields, 1);
            let said = words(&problems(&text));
            assert!(said.contains('…') && !said.contains("hunter2"), "{key} {secret}: {said}");
        }
    }
}

#[test]
fn what_is_unusual_and_sound_is_taken() {
    for (line, typed) in [
        ("phoneNumber", "(425) 555-0100"),
        ("url:", "https://contoso.example/@ada/terms"),
        ("displayName: First", "‘Ünïted’ desk"),
        ("justification", "\"Password reset: the password is often forgotten\""),
        ("justification", "'“urgent”'"),
        ("email", "ada+terms@fabrikam.example"),
        ("email", "o'brien@fabrikam.example"),
        ("email", "ada@münchen.example"),
        ("email", "ada@xn--mnchen-3ya.example"),
        ("email", "ada@mail.eu-west.fabrikam.example"),
        ("email", "ada@fabrikam"),
        ("url:", "https://localhost"),
        ("url:", "https://localhost:8443/terms?a=b@c#d"),
        ("url:", "https://192.0.2.1/terms"),
        ("url:", "\"https://[2001:db8::1]/terms\""),
        ("country", "XK"),
        ("language", "se"),
        ("language", "zh-Hans-CN"),
        ("language", "sgn-DE"),
        ("language", "pt-br"),
        ("language", "es-419"),
        ("language", "zh-yue-HK"),
        ("language", "zh-hant-tw"),
        ("language", "sr-Latn-RS"),
        ("language", "ca-valencia"),
        ("language", "gsw-CH"),
        ("language", "de-1996"),
        ("displayName: Fabrikam", "Todorov & Sons"),
        ("displayName: Fabrikam", "\"[Old] Fabrikam\""),
        ("displayName: Fabrikam", "\"[Customer Success]\""),
        ("displayName: First", "\"[Helpdesk]\""),
        ("displayName: Fabrikam", "Customer Success Company"),
        ("url:", "https://contoso.example/todo"),
        ("url:", "https://contoso.example/your-data"),
        ("url:", "https://todoist.example/xxx-1"),
        ("email", "your.friend@fabrikam.example"),
        ("email", "todo@fabrikam.example"),
        ("justification", "Todo list of the desk"),
        ("id: 0a0a", "11111111-2222-3333-4444-555555555555"),
    ] {
        assert_eq!(words(&problems(&with(line, typed))), "", "{line} {typed}");
    }
}

#[test]
fn a_tenant_is_in_one_cloud() {
    let (offer, relationship) = GOOD.split_once("---\n").unwrap();
    let relationship = relationship.split("---\n").next().unwrap();
    let second =
        offer.replace("name: desk", "name: gov").replace("cloud: Global", "cloud: USGovL4");
    let other = relationship
        .replace("name: fabrikam\n", "name: fabrikam-gov\n")
        .replace("fabrikam-desk", "fabrikam-gov-desk")
        .replace("name: desk", "name: gov");
    let text = [offer, relationship, &second, &other].join("---\n");
    let found = words(&problems(&text));
    assert!(found.contains("C0328 spec.customer.tenantId: the customer"), "{found}");
}

#[test]
fn a_fault_of_the_schema_hides_nothing_else() {
    let text = GOOD
        .replace("duration: P365D", "duration: forever")
        .replace("    - Helpdesk Administrator\n", "    - Helpdesk Admin\n")
        .replace("name: fabrikam\n  grantee", "name: fabrikan\n  grantee")
        .replace(
            "    - Message Center Reader\n  notAfter: \"2128-06-30T00:00:00Z\"",
            "    - Mesage Center Reader\n  notAfter: soon",
        )
        .replace("  suspend: false\n", "  suspend: maybe\n  offer: {}\n")
        .replace("firstName: Ada", "firstNam: Ada")
        .replace("readConfirmed: true", "readConfirmed: false")
        .replace("2026-01-16T09", "2036-01-16T09");
    let found = words(&problems(&text));
    for expected in [
        "C0104 spec.duration",
        "C0201 spec.roles[0]: no role is called `Helpdesk Admin`",
        "C0304 spec.relationshipRef.name",
        "C0201 spec.roles[0]: no role is called `Mesage Center Reader`",
        "C0104 spec.notAfter",
        "C0102 spec.suspend",
        "C0101 spec.acceptedBy.firstNam",
        "C0105 spec.readConfirmed",
        "C0401 spec.acceptedAt",
    ] {
        assert!(found.contains(expected), "{expected}:\n{found}");
    }
    assert!(!found.contains("C0103 spec.acceptedBy"), "a wrong name is told once:\n{found}");
    assert!(!found.contains("C0105 spec.offer."), "what nobody wrote is not judged:\n{found}");
}

#[test]
fn a_misspelt_kind_or_version_hides_nothing_else() {
    let relationship = GOOD
        .replace("autoExtendDuration: PT0S", "autoExtendDuration: P90D")
        .replace("  offerRef:\n    name: desk", "  offerRef:\n    name: desc");
    let own = ["C0104 spec.autoExtendDuration", "C0303 spec.offerRef.name"];
    for (good, bad, code) in [
        ("kind: PartnerRelationship", "kind: PartnerRelationshp", "C0017 kind"),
        ("kind: PartnerRelationship", "kind: partnerrelationship", "C0017 kind"),
        (
            "apiVersion: concordat.dev/v1alpha1\nkind: PartnerRelationship",
            "apiVersion: concordat.dev/v1\nkind: PartnerRelationship",
            "C0016 apiVersion",
        ),
        (
            "apiVersion: concordat.dev/v1alpha1\nkind: PartnerRelationship",
            "apiVersion: concordat/v1alpha1\nkind: PartnerRelationship",
            "C0016 apiVersion",
        ),
        (
            "apiVersion: concordat.dev/v1alpha1\nkind: PartnerRelationship",
            "apiVersion: https://concordat.dev/v1alpha1\nkind: PartnerRelationship",
            "C0016 apiVersion",
        ),
    ] {
        assert_eq!(problems(&GOOD.replace(good, bad)).len(), 1, "{bad}");
        let found = words(&problems(&relationship.replace(good, bad)));
        for expected in own.iter().chain([&code]) {
            assert!(found.contains(expected), "{bad}: {expected}:\n{found}");
        }
        assert_eq!(found.lines().count(), 3, "{bad}: {found}");
    }
    let grant = GOOD.replace(
        "    - Message Center Reader\n  notAfter",
        "    - Exchange Administrator\n  notAfter",
    );
    let found = words(&problems(&grant.replace("kind: RoleGrant", "kind: RoleGrnt")));
    assert!(found.contains("C0017 kind") && found.contains("C0308"), "{found}");
    let found = words(&problems(&grant.replace("kind: RoleGrant", "kind: Role")));
    assert_eq!(found.lines().count(), 1, "what may be another kind is not judged: {found}");
}

#[test]
fn a_blank_or_a_sign_of_yaml_in_another_form_is_told_where_it_makes_one_text_of_several() {
    for (good, bad, expected) in [
        (
            "metadata:\n  name: fabrikam\n  namespace: msp",
            "metadata:\n  name:fabrikam",
            "write `name: value`, each on a line of its own",
        ),
        (
            "metadata:\n  name: fabrikam\n  namespace: msp",
            "metadata: {name:fabrikam}",
            "no blank follows the colon of `name:`",
        ),
        (
            "    securityGroup:\n      id: 0a0a0a0a-1111-4222-8333-444444444444\n      displayName: First line",
            "    securityGroup: {id:0a0a0a0a-1111-4222-8333-444444444444, displayName: First line}",
            "write `id: 0a0a0a0a-1111-4222-8333-444444444444`",
        ),
        ("  offerRef:\n    name: desk", "  offerRef:\n    name:desk", "write `name: desk`"),
        (
            "    - Helpdesk Administrator\n    - Message Center Reader\n  terms",
            "    – Helpdesk Administrator\n    – Message Center Reader\n  terms",
            "`–` begins no item for YAML: write each as `- value`",
        ),
        (
            "  roles:\n    - Helpdesk Administrator\n    - Message Center Reader\n  terms",
            "  roles: (Helpdesk Administrator, Message Center Reader)\n  terms",
            "`[Helpdesk Administrator, Message Center Reader]`",
        ),
        (
            "---\napiVersion: concordat.dev/v1alpha1\nkind: RoleGrant",
            "---\u{a0}\napiVersion: concordat.dev/v1alpha1\nkind: RoleGrant",
            "`---` with U+00A0 beside it does not keep two objects apart",
        ),
        (
            "apiVersion: concordat.dev/v1alpha1\nkind: RoleGrant",
            "apiversion: concordat.dev/v1alpha1\nKind: RoleGrant",
            "apiVersion: no field of an object is called `apiversion` (did you mean `apiVersion`?)\n\
             C0014 kind: no field of an object is called `Kind` (did you mean `kind`?)",
        ),
    ] {
        let text = GOOD.replacen(good, bad, 1);
        assert_ne!(text, GOOD, "{good}");
        let said = words(&problems(&text));
        assert!(said.contains(expected), "{bad}: {said}");
    }
}

#[test]
fn a_variable_in_the_place_of_a_kind_is_told_once() {
    let said = words(&problems(&GOOD.replace("kind: RoleGrant", "kind: ${KIND}")));
    assert!(said.contains("`${KIND}` is a placeholder") && said.lines().count() == 1, "{said}");
}

#[test]
fn a_tag_is_quoted_only_where_it_is_a_word() {
    for (tag, is_shown) in [("!Ref x", true), ("!Hunter2x", false)] {
        let said = words(&problems(&with("justification", tag)));
        assert!(said.contains("C0012") && said.contains(&tag[1..4]) == is_shown, "{tag}: {said}");
    }
}

#[test]
fn a_list_without_items_hides_no_object() {
    let found = words(&problems(&GOOD.replace("kind: RoleGrant\n", "kind: RoleGrantList\n")));
    assert!(found.contains("C0017 kind"), "{found}");
    assert_eq!(found.lines().count(), 1, "{found}");
    for list in [
        "apiVersion: concordat.dev/v1alpha1\nkind: RoleGrantList\nItems: []\n",
        "apiVersion: v1\nkind: List\nItems:\n  - apiVersion: concordat.dev/v1alpha1\n",
    ] {
        let found = words(&problems(&format!("{GOOD}---\n{list}")));
        assert!(found.contains("C0014") && found.lines().count() == 1, "{found}");
    }
    for empty in ["items: []", "items:"] {
        let list = format!("apiVersion: concordat.dev/v1alpha1\nkind: RoleGrantList\n{empty}\n");
        assert_eq!(words(&problems(&format!("{GOOD}---\n{list}"))), "");
    }
}

#[test]
fn a_fault_of_the_window_does_not_hide_the_ceiling() {
    let text = GOOD.replace(
        "    - Message Center Reader\n  notAfter: \"2128-06-30T00:00:00Z\"",
        "    - Exchange Administrator\n  notAfter: \"2128-06-30\"",
    );
    let found = problems(&text);
    let codes: Vec<String> = found.iter().map(|problem| problem.code.to_string()).collect();
    assert_eq!(codes, ["C0104", "C0308"], "{}", words(&found));
}

#[test]
fn what_refers_to_an_object_that_could_not_be_read_is_not_told_as_missing() {
    let faults: [(&str, &str); 8] = [
        ("  displayName: fabrikam-desk", "  displayName: fabrikam: desk"),
        ("  displayName: fabrikam-desk", "  displayName: \"fabrikam-desk"),
        ("  suspend: false\n---", "  suspend: false\n  suspend: true\n---"),
        ("kind: PartnerRelationship", "kind: PartnerRelationshp"),
        (
            "kind: PartnerRelationship\nmetadata:\n  name: fabrikam\n",
            "kind: PartnerRelationship\nmetadata:\n  name: Fabrikam_\n",
        ),
        (
            "kind: PartnerRelationship\nmetadata:\n  name: fabrikam\n",
            "kind: PartnerRelationship\nmetadata:\n  nam: fabrikam\n",
        ),
        ("kind: PartnerRelationship\nmetadata:", "kind: PartnerRelationship\nmetadata: x: y"),
        ("  displayName: fabrikam-desk", "\tdisplayName: fabrikam-desk"),
    ];
    for (from, to) in faults {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{to}");
        let found = problems(&text);
        assert_eq!(found.len(), 1, "{to}: {}", words(&found));
    }
}

#[test]
fn what_other_programs_put_into_files_is_told_by_its_name() {
    let acceptance = GOOD.split("---\n").nth(3).unwrap();
    let sops = acceptance
        .replace("firstName: Ada", "firstName: ENC[AES256_GCM,data:abc=,iv:A,tag:B,type:str]")
        + "sops:\n  lastmodified: \"2026-11-16T09:00:00Z\"\n  version: 3.9.0\n";
    let whole = "apiVersion: ENC[AES256_GCM,data:x=]\nkind: ENC[AES256_GCM,data:y=]\nsops:\n  version: 3.9.0\n";
    for (text, expected) in [
        (sops.as_str(), "encrypted with SOPS (decrypt it on the way: `sops -d FILE"),
        (whole, "encrypted with SOPS"),
        ("$ANSIBLE_VAULT;1.1;AES256\n6162\n", "encrypted with Ansible Vault"),
        ("\0GITCRYPT\0abc", "encrypted with git-crypt"),
        (
            &GOOD.replace("  type: Gran", "<<<<<<< HEAD\n  type: Gran").replace(
                "  cloud: Global",
                "=======\n  type: Advisor\n>>>>>>> main\n  cloud: Global",
            ),
            "merge conflict",
        ),
        (
            &GOOD.replace("displayName: Contoso", "displayName: {{ .Values.partner }}"),
            "the text is a template",
        ),
    ] {
        let found = problems(text);
        let said = words(&found);
        assert!(found.len() == 1 && said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn names_in_the_store_that_differ_in_blanks_alone_are_refused() {
    let second = GOOD.split("---\n").nth(1).unwrap();
    let second = second
        .replace("name: fabrikam\n", "name: northwind\n")
        .replace("bbbbcccc", "ddddcccc")
        .replace("displayName: fabrikam-desk", "displayName: \"fabrikam-desk \"");
    let found = problems(&(GOOD.to_owned() + "---\n" + &second));
    assert!(found.iter().all(|problem| problem.code.to_string() == "C0022"), "{}", words(&found));
    assert_eq!(found.len(), 2, "{}", words(&found));
}
