//! Which role somebody means who writes it as another program, an older page or another language calls it.
//!
//! Never: a role for the words that all roles share. The word that matters decides, and a stronger role is not meant by
//! a weaker one's name.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization as _;

use super::{Availability, Role};

/// How many suggestions are given at most.
const SUGGESTIONS: usize = 3;
/// The part of what was written that a role must account for.
const ENOUGH: f64 = 0.6;
/// A word that fewer roles share than this says which one is meant.
const TELLING: f64 = 1.0;
/// A word that says nothing counts as little as this.
const NOTHING: f64 = 0.3;
/// Nobody means a role by a longer name.
const LONGEST: usize = 100;

/// Names that no likeness leads to the right role from.
const ELSEWHERE: &[(&str, &[&str])] = &[
    ("help desk administrator", &["Helpdesk Administrator"]),
    ("support administrator", &["Service Support Administrator"]),
    ("service administrator", &["Service Support Administrator"]),
    ("user management administrator", &["User Administrator"]),
    ("user account administrator", &["User Administrator"]),
    ("tenant administrator", &["Global Administrator"]),
    ("mobile device management administrator", &["Intune Administrator"]),
    ("mdm administrator", &["Intune Administrator"]),
    ("endpoint administrator", &["Intune Administrator"]),
    ("endpoint manager administrator", &["Intune Administrator"]),
    ("device administrator", &["Cloud Device Administrator"]),
    ("onedrive administrator", &["SharePoint Administrator"]),
    ("mail administrator", &["Exchange Administrator"]),
    ("email administrator", &["Exchange Administrator"]),
    ("mailbox administrator", &["Exchange Recipient Administrator"]),
    ("recipient management", &["Exchange Recipient Administrator"]),
    ("organization management", &["Exchange Administrator"]),
    ("viva engage administrator", &["Yammer Administrator"]),
    ("engage administrator", &["Yammer Administrator"]),
    ("privileged identity management administrator", &["Privileged Role Administrator"]),
    ("pim administrator", &["Privileged Role Administrator"]),
    ("domain administrator", &["Domain Name Administrator"]),
    ("report reader", &["Reports Reader"]),
    ("finance administrator", &["Billing Administrator"]),
    ("invoice administrator", &["Billing Administrator"]),
    ("subscription administrator", &["Billing Administrator", "License Administrator"]),
    ("phone system administrator", &["Teams Telephony Administrator"]),
    ("m365 apps administrator", &["Office Apps Administrator"]),
    ("o365 apps administrator", &["Office Apps Administrator"]),
    ("microsoft 365 apps administrator", &["Office Apps Administrator"]),
    ("office 365 apps administrator", &["Office Apps Administrator"]),
    ("office apps administrator", &["Office Apps Administrator"]),
    ("office app administrator", &["Office Apps Administrator"]),
    ("service desk administrator", &["Helpdesk Administrator"]),
    ("service desk", &["Helpdesk Administrator"]),
    ("connect administrator", &["Hybrid Identity Administrator"]),
    ("ad connect", &["Hybrid Identity Administrator"]),
    ("aad connect", &["Hybrid Identity Administrator"]),
    ("entra connect", &["Hybrid Identity Administrator"]),
    // As the portals of Microsoft call them in other languages.
    ("administrateur du support technique", &["Helpdesk Administrator"]),
    ("administrateur du service d’assistance", &["Helpdesk Administrator"]),
    ("administrador del departamento de soporte técnico", &["Helpdesk Administrator"]),
    ("administrador de asistencia técnica", &["Helpdesk Administrator"]),
    ("administrador de assistência técnica", &["Helpdesk Administrator"]),
    ("administrador do suporte técnico", &["Helpdesk Administrator"]),
    ("amministratore supporto tecnico", &["Helpdesk Administrator"]),
    ("amministratore del supporto tecnico", &["Helpdesk Administrator"]),
    ("administrator pomocy technicznej", &["Helpdesk Administrator"]),
    ("администратор службы поддержки", &["Helpdesk Administrator"]),
    ("администратор службы технической поддержки", &["Helpdesk Administrator"]),
    ("ヘルプデスク管理者", &["Helpdesk Administrator"]),
    ("administrateur de support de service", &["Service Support Administrator"]),
    ("administrateur du support de service", &["Service Support Administrator"]),
    ("administrador de soporte técnico del servicio", &["Service Support Administrator"]),
    ("administrador de soporte técnico de servicios", &["Service Support Administrator"]),
    ("administrador de suporte a serviços", &["Service Support Administrator"]),
    ("administrador de suporte de serviço", &["Service Support Administrator"]),
    ("administrador de suporte do serviço", &["Service Support Administrator"]),
    ("amministratore supporto servizi", &["Service Support Administrator"]),
    ("amministratore del supporto servizi", &["Service Support Administrator"]),
    ("amministratore supporto servizio", &["Service Support Administrator"]),
    ("serviceondersteuningsbeheerder", &["Service Support Administrator"]),
    ("beheerder van serviceondersteuning", &["Service Support Administrator"]),
    ("beheerder serviceondersteuning", &["Service Support Administrator"]),
    ("administrator pomocy technicznej usługi", &["Service Support Administrator"]),
    ("administrator pomocy technicznej usług", &["Service Support Administrator"]),
    ("администратор поддержки служб", &["Service Support Administrator"]),
    ("администратор поддержки службы", &["Service Support Administrator"]),
    ("サービス サポート管理者", &["Service Support Administrator"]),
    ("ruolo con autorizzazioni di lettura globali", &["Global Reader"]),
    ("ruolo con autorizzazioni di lettura per la sicurezza", &["Security Reader"]),
    ("читатель сведений о безопасности", &["Security Reader"]),
    ("sicherheitsleseberechtigter", &["Security Reader"]),
    ("ruolo con autorizzazioni di lettura nella directory", &["Directory Readers"]),
    ("lezers van adreslijst", &["Directory Readers"]),
    ("adreslijstlezers", &["Directory Readers"]),
    ("verzeichnisleseberechtigte", &["Directory Readers"]),
    ("administrator für privilegierte rollen", &["Privileged Role Administrator"]),
    ("amministratore dei ruoli con privilegi", &["Privileged Role Administrator"]),
    ("beheerder met bevoorrechte rol", &["Privileged Role Administrator"]),
    ("administrateur de rôle privilégié", &["Privileged Role Administrator"]),
    ("administrateur de rôles privilégiés", &["Privileged Role Administrator"]),
    ("administrador de roles con privilegios", &["Privileged Role Administrator"]),
    ("administrador de função com privilégios", &["Privileged Role Administrator"]),
    ("administrador de funções privilegiadas", &["Privileged Role Administrator"]),
    ("administrador de funções com privilégios", &["Privileged Role Administrator"]),
    ("特権ロール管理者", &["Privileged Role Administrator"]),
    ("администратор привилегированных ролей", &["Privileged Role Administrator"]),
];

const OF_AZURE: &str = "that is a role of Azure subscriptions, which partners get by Azure Lighthouse and not by a \
                        relationship of this sort; `concordat roles list` names the roles of Entra";
const OF_PARTNER_CENTER: &str = "that is a group of Partner Center, not a role of Entra: name the roles that it is to \
                                 hold, for example `Helpdesk Administrator`, and the group as the grantee";
const OF_ACTIVE_DIRECTORY: &str = "that is a group of Active Directory, not a role of Entra; `concordat roles tasks` \
                                   lists what can be done, and `concordat roles solve TASK` names the role for it";

/// Names of something else than a role in small letters, and what it is.
const NO_ROLES: [(&str, &str); 30] = [
    ("owner", OF_AZURE),
    ("reader", OF_AZURE),
    ("user access administrator", OF_AZURE),
    ("user access admin", OF_AZURE),
    ("billing reader", OF_AZURE),
    ("cost management reader", OF_AZURE),
    ("monitoring reader", OF_AZURE),
    ("log analytics reader", OF_AZURE),
    ("backup reader", OF_AZURE),
    ("key vault reader", OF_AZURE),
    ("key vault administrator", OF_AZURE),
    ("reservations administrator", OF_AZURE),
    ("admin agents", OF_PARTNER_CENTER),
    ("admin agent", OF_PARTNER_CENTER),
    ("administrator agents", OF_PARTNER_CENTER),
    ("administrator agent", OF_PARTNER_CENTER),
    ("helpdesk agents", OF_PARTNER_CENTER),
    ("helpdesk agent", OF_PARTNER_CENTER),
    ("sales agents", OF_PARTNER_CENTER),
    ("sales agent", OF_PARTNER_CENTER),
    ("domain admins", OF_ACTIVE_DIRECTORY),
    ("domain administrators", OF_ACTIVE_DIRECTORY),
    ("domänen-admins", OF_ACTIVE_DIRECTORY),
    ("enterprise admins", OF_ACTIVE_DIRECTORY),
    ("enterprise administrators", OF_ACTIVE_DIRECTORY),
    ("organisations-admins", OF_ACTIVE_DIRECTORY),
    ("schema admins", OF_ACTIVE_DIRECTORY),
    ("schema administrators", OF_ACTIVE_DIRECTORY),
    ("account operators", OF_ACTIVE_DIRECTORY),
    ("backup operators", OF_ACTIVE_DIRECTORY),
];

/// Letters that stand for the name of a role, and what to write for them.
const LETTERS: [(&str, &str, &str); 4] = [
    (
        "ga",
        "Global Administrator",
        "GA is short for `Global Administrator`, which may do everything: write that name, or the role for what is to \
         be done, which `concordat roles solve TASK` names",
    ),
    ("gr", "Global Reader", "GR is short for `Global Reader`: write that name"),
    (
        "gsa",
        "Global Secure Access Administrator",
        "GSA is short for Global Secure Access: write `Global Secure Access Administrator`",
    ),
    (
        "pra",
        "Privileged Role Administrator",
        "PRA is short for `Privileged Role Administrator`: write that name",
    ),
];

/// Words that say nothing about which role it is.
const EMPTY: &[&str] = &[
    "service",
    "online",
    "microsoft",
    "office",
    "365",
    "o365",
    "m365",
    "azure",
    "ad",
    "aad",
    "entra",
    "id",
    "role",
    "the",
    "of",
    "for",
    "built",
    "in",
    "für",
    "and",
    "de",
    "del",
    "du",
    "des",
    "la",
    "le",
    "les",
    "di",
    "d",
    "van",
    "y",
    "della",
    "dei",
    "delle",
    "degli",
    "usługi",
    "usług",
    "programu",
    "do",
    "da",
    "dos",
    "das",
    "na",
    "con",
    "com",
    "voor",
    "служб",
    "службы",
];

/// Words for words of roles: abbreviations, and other languages.
const WORDS: &[(&str, &str)] = &[
    ("admin", "administrator"),
    ("admins", "administrator"),
    ("adm", "administrator"),
    ("administrators", "administrator"),
    ("administrateur", "administrator"),
    ("administrador", "administrator"),
    ("amministratore", "administrator"),
    ("beheerder", "administrator"),
    ("administratör", "administrator"),
    ("app", "application"),
    ("apps", "application"),
    ("applications", "application"),
    ("anwendung", "application"),
    ("anwendungs", "application"),
    ("aplicaciones", "application"),
    ("applicazioni", "application"),
    ("auth", "authentication"),
    ("authn", "authentication"),
    ("mfa", "authentication"),
    ("authentifizierung", "authentication"),
    ("users", "user"),
    ("benutzer", "user"),
    ("utilisateur", "user"),
    ("utilisateurs", "user"),
    ("usuario", "user"),
    ("usuarios", "user"),
    ("utenti", "user"),
    ("gebruiker", "user"),
    ("gebruikers", "user"),
    ("globaler", "global"),
    ("globale", "global"),
    ("général", "global"),
    ("generale", "global"),
    ("ga", "global"),
    ("leser", "reader"),
    ("lecteur", "reader"),
    ("lector", "reader"),
    ("lettore", "reader"),
    ("lezer", "reader"),
    ("readers", "reader"),
    ("viewer", "reader"),
    ("abrechnungs", "billing"),
    ("abrechnung", "billing"),
    ("rechnungs", "billing"),
    ("facturation", "billing"),
    ("facturación", "billing"),
    ("fatturazione", "billing"),
    ("factureringen", "billing"),
    ("sicherheits", "security"),
    ("sicherheit", "security"),
    ("sécurité", "security"),
    ("seguridad", "security"),
    ("sicurezza", "security"),
    ("beveiliging", "security"),
    ("beveiligings", "security"),
    ("sec", "security"),
    ("lizenz", "license"),
    ("licenses", "license"),
    ("licence", "license"),
    ("licences", "license"),
    ("licencias", "license"),
    ("licenze", "license"),
    ("gruppen", "groups"),
    ("group", "groups"),
    ("groupes", "groups"),
    ("grupos", "groups"),
    ("kennwort", "password"),
    ("dienst", "service"),
    ("gerät", "device"),
    ("geräte", "device"),
    ("nachrichten", "message"),
    ("nachricht", "message"),
    ("centre", "center"),
    ("verzeichnis", "directory"),
    ("netzwerk", "network"),
    ("drucker", "printer"),
    ("wissens", "knowledge"),
    ("suche", "search"),
    ("rollen", "role"),
    ("privilegierte", "privileged"),
    ("privilegierter", "privileged"),
    ("bericht", "reports"),
    ("berichte", "reports"),
    ("report", "reports"),
    ("leseberechtigter", "reader"),
    ("spo", "sharepoint"),
    ("exo", "exchange"),
    ("sfb", "skype"),
    ("администратор", "administrator"),
    ("管理者", "administrator"),
    ("管理员", "administrator"),
    ("administratorzy", "administrator"),
    ("globali", "global"),
    ("globaal", "global"),
    ("globalny", "global"),
    ("globalna", "global"),
    ("глобальный", "global"),
    ("グローバル", "global"),
    ("全局", "global"),
    ("lecteurs", "reader"),
    ("lectores", "reader"),
    ("lettori", "reader"),
    ("lettura", "reader"),
    ("lezers", "reader"),
    ("leseberechtigte", "reader"),
    ("leitor", "reader"),
    ("leitores", "reader"),
    ("leitura", "reader"),
    ("czytelnik", "reader"),
    ("czytelnicy", "reader"),
    ("odczyt", "reader"),
    ("odczytu", "reader"),
    ("читатель", "reader"),
    ("читатели", "reader"),
    ("чтение", "reader"),
    ("чтения", "reader"),
    ("閲覧者", "reader"),
    ("リーダー", "reader"),
    ("读取者", "reader"),
    ("读者", "reader"),
    ("usuários", "user"),
    ("usuário", "user"),
    ("utilizadores", "user"),
    ("utilizador", "user"),
    ("użytkowników", "user"),
    ("użytkownika", "user"),
    ("пользователей", "user"),
    ("пользователь", "user"),
    ("ユーザー", "user"),
    ("用户", "user"),
    ("segurança", "security"),
    ("zabezpieczeń", "security"),
    ("безопасности", "security"),
    ("セキュリティ", "security"),
    ("安全", "security"),
    ("licentie", "license"),
    ("licenças", "license"),
    ("licença", "license"),
    ("licencia", "license"),
    ("licencji", "license"),
    ("лицензий", "license"),
    ("ライセンス", "license"),
    ("répertoire", "directory"),
    ("répertoires", "directory"),
    ("annuaire", "directory"),
    ("annuaires", "directory"),
    ("directorio", "directory"),
    ("directorios", "directory"),
    ("diretório", "directory"),
    ("diretórios", "directory"),
    ("katalogu", "directory"),
    ("katalogów", "directory"),
    ("каталога", "directory"),
    ("каталогов", "directory"),
    ("ディレクトリ", "directory"),
    ("privilégié", "privileged"),
    ("privilégiés", "privileged"),
    ("privilegios", "privileged"),
    ("privilégios", "privileged"),
    ("privilegi", "privileged"),
    ("privilegiadas", "privileged"),
    ("privilegiada", "privileged"),
    ("bevoorrechte", "privileged"),
    ("uprzywilejowanych", "privileged"),
    ("uprzywilejowanej", "privileged"),
    ("привилегированных", "privileged"),
    ("rôle", "role"),
    ("rôles", "role"),
    ("roles", "role"),
    ("rol", "role"),
    ("função", "role"),
    ("funções", "role"),
    ("ruoli", "role"),
    ("ruolo", "role"),
    ("ról", "role"),
    ("roli", "role"),
    ("ролей", "role"),
    ("faturamento", "billing"),
    ("cobrança", "billing"),
    ("rozliczeń", "billing"),
    ("課金", "billing"),
];

/// The word for a role that changes nothing.
const READER: &str = "reader";
const ADMINISTRATOR: &str = "administrator";
const USERS: [&str; 5] = ["user", "users", "member", "members", "guest"];

/// What somebody may have meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meant {
    /// One of these, the likeliest first; maybe none.
    Roles(Vec<String>),
    /// This one, by letters that stand for its name, and what to write.
    ShortFor(&'static str, &'static str),
    /// No role at all, and why not.
    NoRole(&'static str),
}

/// The names of roles, taken apart once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    names: Vec<Name>,
    /// The words of all roles.
    vocabulary: BTreeSet<String>,
    weights: Weights,
    /// The entries of [`ELSEWHERE`] as they are compared.
    elsewhere: BTreeMap<String, &'static [&'static str]>,
}

/// One name of a role that can be given.
#[derive(Debug, Clone, PartialEq)]
struct Name {
    /// The position of the role.
    role: usize,
    words: Vec<String>,
    former: bool,
    /// Whether its holder only looks.
    reads: bool,
}

/// Whether the role can be given in a relationship.
pub(super) fn is_given(role: &Role) -> bool {
    role.availability == Availability::Assignable && !role.gdap.is_refused()
}

impl Known {
    pub fn of(roles: &[Role]) -> Self {
        let plain = roles.iter().flat_map(|role| plain_words(role.name));
        let vocabulary: BTreeSet<String> = plain.collect();
        let mut shared_by: BTreeMap<String, usize> = BTreeMap::new();
        for word in roles.iter().flat_map(|role| all_words(role.name, &vocabulary)) {
            *shared_by.entry(word).or_default() += 1;
        }
        let given = roles.iter().enumerate().filter(|(_, role)| is_given(role));
        let names = given.flat_map(|(position, role)| {
            let former = role.former_names.iter().map(|name| (*name, true));
            former.chain([(role.name, false)]).map(move |(name, former)| (position, name, former))
        });
        let names = names.map(|(role, name, former)| {
            let words = all_words(name, &vocabulary);
            let reads = words.last().is_some_and(|word| word == READER);
            Name { role, words, former, reads }
        });
        let elsewhere = ELSEWHERE.iter();
        let elsewhere =
            elsewhere.map(|(name, roles)| (all_words(name, &vocabulary).concat(), *roles));
        Self {
            names: names.collect(),
            weights: Weights { shared_by, roles: roles.len() },
            elsewhere: elsewhere.collect(),
            vocabulary,
        }
    }

    /// The roles, of these, that `text` may mean.
    pub fn meant(&self, text: &str, roles: &[Role]) -> Meant {
        if text.chars().nth(LONGEST).is_some() {
            return Meant::Roles(Vec::new());
        }
        if let Some(why) = no_role(text) {
            return Meant::NoRole(why);
        }
        if let Some((_, name, why)) = short_for(text) {
            return Meant::ShortFor(name, why);
        }
        let all = all_words(text, &self.vocabulary);
        let written = [telling_words(&all), all];
        let mut elsewhere = written.iter().filter_map(|words| self.elsewhere.get(&words.concat()));
        if let Some(names) = elsewhere.next() {
            return Meant::Roles(names.iter().map(|name| (*name).to_owned()).collect());
        }
        let mut best: BTreeMap<usize, Likeness<'_>> = BTreeMap::new();
        // Whoever wants to look is not led to a role that changes something.
        let reads = written[1].iter().any(|word| word == READER);
        // Nor is whoever uses something led to one who administers it.
        let uses = written[1].last().is_some_and(|word| USERS.contains(&word.as_str()))
            && !written[1].iter().any(|word| word == ADMINISTRATOR);
        let administers = |name: &Name| name.words.last().is_some_and(|word| word == ADMINISTRATOR);
        let fits = |name: &&Name| (name.reads || !reads) && !(uses && administers(name));
        for name in self.names.iter().filter(fits) {
            let role = &roles[name.role];
            let all = written.iter().filter_map(|words| self.weights.likeness(words, name, role));
            for likeness in all {
                let is_better = |known: &Likeness<'_>| likeness.order(known).is_lt();
                if best.get(&name.role).is_none_or(is_better) {
                    best.insert(name.role, likeness);
                }
            }
        }
        let mut near: Vec<Likeness<'_>> = best.into_values().collect();
        near.sort_by(Likeness::order);
        let exact = near.first().is_some_and(|first| first.is_whole);
        let few = if exact { 1 } else { SUGGESTIONS };
        // Beside a role that fits, a privileged one that has a word more is not meant.
        let is_stronger = |found: &Likeness<'_>| {
            !found.is_whole
                && found.role.privileged
                && near.iter().any(|other| !other.role.privileged)
        };
        let meant = near.iter().filter(|found| !is_stronger(found)).take(few);
        Meant::Roles(meant.map(|found| found.role.name.to_owned()).collect())
    }
}

/// Why a name is none of a role.
fn no_role(text: &str) -> Option<&'static str> {
    let words = plain_words(text);
    let words = words.strip_prefix(&["azure".to_owned()]).unwrap_or(&words);
    // Every role of Azure that is called so ends so, and none of Entra does.
    if words.last().is_some_and(|word| word == "contributor") {
        return Some(OF_AZURE);
    }
    let name = words.concat();
    let is_it = |other: &str| other.chars().filter(|sign| sign.is_alphanumeric()).eq(name.chars());
    NO_ROLES.iter().find(|(other, _)| is_it(other)).map(|(_, why)| *why)
}

/// The role for which letters stand, also with points and beside words that say nothing.
fn short_for(text: &str) -> Option<(&'static str, &'static str, &'static str)> {
    let letters = telling_words(&plain_words(text)).concat();
    LETTERS.into_iter().find(|(short, ..)| *short == letters)
}

/// How well the name of a role accounts for what was written.
struct Likeness<'r> {
    role: &'r Role,
    score: f64,
    former: bool,
    is_whole: bool,
}

impl Likeness<'_> {
    /// The better first; a name of today before a former one, and the weaker role before the stronger.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        let rank = |it: &Self| (it.former, it.role.privileged);
        other
            .score
            .total_cmp(&self.score)
            .then_with(|| rank(self).cmp(&rank(other)))
            .then_with(|| self.role.name.cmp(other.role.name))
    }
}

/// How much each word of the names of roles says.
#[derive(Debug, Clone, PartialEq)]
struct Weights {
    shared_by: BTreeMap<String, usize>,
    roles: usize,
}

impl Weights {
    #[expect(clippy::cast_precision_loss, reason = "there are fewer roles than that")]
    fn of_word(&self, word: &str) -> f64 {
        if EMPTY.contains(&word) {
            return NOTHING;
        }
        let shared_by = self.shared_by.get(word).copied().unwrap_or(1);
        (self.roles.max(2) as f64 / shared_by as f64).ln().max(0.1)
    }

    fn likeness<'r>(
        &self,
        written: &[String],
        name: &Name,
        role: &'r Role,
    ) -> Option<Likeness<'r>> {
        let of_role = &name.words;
        let (mut told, mut all, mut telling, mut other) = (0.0, 0.0, false, false);
        let mut matched = vec![false; of_role.len()];
        for word in written {
            let best = of_role
                .iter()
                .enumerate()
                .map(|(position, other)| (alike(word, other), position))
                .max_by(|(one, _), (other, _)| one.total_cmp(other));
            let (likeness, position) = best.filter(|(likeness, _)| *likeness > 0.0).unzip();
            let weight =
                position.map_or_else(|| self.of_word(word), |it| self.of_word(&of_role[it]));
            all += weight;
            told += weight * likeness.unwrap_or_default();
            match position {
                Some(position) => {
                    matched[position] = true;
                    telling |= weight > TELLING;
                }
                None => other |= weight > TELLING,
            }
        }
        let missing = || of_role.iter().zip(&matched).filter(|(_, matched)| !**matched);
        // Where each has a word that the other has not, they are two roles.
        let differs = other && missing().any(|(word, _)| self.of_word(word) > TELLING);
        let fits = telling && !differs && told / all >= ENOUGH;
        let of_all: f64 = of_role.iter().map(|word| self.of_word(word)).sum();
        let of_missing: f64 = missing().map(|(word, _)| self.of_word(word)).sum();
        fits.then(|| Likeness {
            role,
            score: told / all * (1.0 - 0.4 * of_missing / of_all.max(0.1)),
            former: name.former,
            is_whole: matched.iter().all(|matched| *matched) && told / all > 0.85,
        })
    }
}

/// How alike two words are, from 0 to 1.
fn alike(word: &str, other: &str) -> f64 {
    if word == other {
        return 1.0;
    }
    let (shorter, longer) = if word.len() < other.len() { (word, other) } else { (other, word) };
    if shorter.chars().count() >= 5 && longer.starts_with(shorter) {
        return 0.9;
    }
    // More than a quarter of the letters differs.
    if longer.len() > 2 * shorter.len() {
        return 0.0;
    }
    let likeness = strsim::normalized_damerau_levenshtein(word, other);
    if likeness >= 0.75 { likeness } else { 0.0 }
}

/// The words of a name in small letters, where `userAdmin` and `user_admin` are two.
fn plain_words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for character in text.nfkc() {
        let begins = before.is_lowercase() && character.is_uppercase();
        if !character.is_alphanumeric()
            && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
            || begins
        {
            words.push(String::new());
        }
        if let (true, Some(word)) = (character.is_alphanumeric(), words.last_mut()) {
            word.extend(character.to_lowercase());
        }
        before = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The same without those that say nothing.
fn telling_words(words: &[String]) -> Vec<String> {
    words.iter().filter(|word| !EMPTY.contains(&word.as_str())).cloned().collect()
}

/// The same in the words of roles.
fn all_words(text: &str, vocabulary: &BTreeSet<String>) -> Vec<String> {
    const ENDS: [&str; 13] = [
        "administrator",
        "beheerder",
        "admin",
        "leseberechtigter",
        "leseberechtigte",
        "leser",
        "lezer",
        "lezers",
        "管理者",
        "管理员",
        "閲覧者",
        "リーダー",
        "读取者",
    ];
    let is_known = |word: &str| vocabulary.contains(word) || translated(word).is_some();
    let mut words = Vec::new();
    let mut add = |word: &str| {
        words
            .extend(parts(word, &is_known).map(|part| translated(part).unwrap_or(part).to_owned()));
    };
    for word in plain_words(text) {
        let end = ENDS.iter().find_map(|end| Some((word.strip_suffix(end)?, *end)));
        match end.filter(|(begin, _)| begin.len() > 2) {
            Some((begin, end)) => {
                add(begin);
                add(end);
            }
            None => add(&word),
        }
    }
    words
}

/// The word of roles for another word.
fn translated(word: &str) -> Option<&'static str> {
    WORDS.iter().find(|(other, _)| *other == word).map(|(_, ours)| *ours)
}

/// The parts of a compound, where both are known: `cloud` and `anwendung` of `cloudanwendungs`.
fn parts<'w>(
    word: &'w str,
    is_known: &dyn Fn(&str) -> bool,
) -> impl Iterator<Item = &'w str> + use<'w> {
    let known = |part: &'w str| {
        let joined = || part.strip_suffix('s').filter(|part| is_known(part));
        if is_known(part) { Some(part) } else { joined() }
    };
    let two = || {
        let cuts = word.char_indices().map(|(cut, _)| word.split_at(cut));
        let mut cuts = cuts.filter(|(first, second)| first.len() > 3 && second.len() > 3);
        cuts.find_map(|(first, second)| Some((known(first)?, known(second)?)))
    };
    let (first, second) = match known(word) {
        Some(whole) => (whole, None),
        None => two().map_or((word, None), |(first, second)| (first, Some(second))),
    };
    [first].into_iter().chain(second)
}
