//! A text with expressions in it, parsed as github.com/fluxcd/pkg/envsubst does, its ways included.

use super::Fault;

/// Expressions within expressions.
const DEPTH: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Text(String),
    Expression(Expression),
}

/// `${name}`, or with an operation: `${name//a/b}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expression {
    pub name: String,
    /// `//`, `:-`, `^^`; empty if there is none.
    pub operation: String,
    pub arguments: Vec<Node>,
}

/// Whether a variable can be called so: what `${…}` takes, and Flux as well.
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next();
    first.is_some_and(|b| b == b'_' || b.is_ascii_alphabetic())
        && bytes.all(|b| b == b'_' || b.is_ascii_alphanumeric())
}

pub(super) fn parse(text: &str) -> Result<Vec<Node>, Fault> {
    let mut scanner = Scanner {
        rest: text,
        taken: String::new(),
        backslash: false,
    };
    let mut nodes = Vec::new();
    loop {
        scanner.backslash = false;
        match scanner.scan(|_, _| true, Wanted::TEXT.and_escapes()) {
            Token::End => return Ok(nodes),
            Token::Text => nodes.push(Node::Text(std::mem::take(&mut scanner.taken))),
            Token::Open => nodes.push(Node::Expression(scanner.expression(DEPTH)?)),
            Token::Close | Token::Other => return Err(Fault::syntax("this is no expression")),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    End,
    Text,
    /// `${`
    Open,
    /// `}`
    Close,
    Other,
}

/// What a scan looks for.
#[derive(Clone, Copy)]
struct Wanted {
    text: bool,
    open: bool,
    close: bool,
    escapes: bool,
}

impl Wanted {
    const NONE: Self = Self {
        text: false,
        open: false,
        close: false,
        escapes: false,
    };
    const WORD: Self = Self {
        text: true,
        ..Self::NONE
    };
    const CLOSE: Self = Self {
        close: true,
        ..Self::NONE
    };
    const TEXT: Self = Self {
        text: true,
        open: true,
        ..Self::NONE
    };

    fn and_escapes(self) -> Self {
        Self {
            escapes: true,
            ..self
        }
    }
}

struct Scanner<'t> {
    rest: &'t str,
    /// The text of the last token.
    taken: String,
    /// Whether `\/` and `\\` are escapes, beside `$$`.
    backslash: bool,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self, character: char) {
        self.rest = &self.rest[character.len_utf8()..];
        self.taken.push(character);
    }

    /// `accept` is told each character, and the bytes of the token with it.
    fn scan(&mut self, accept: impl Fn(char, usize) -> bool, wanted: Wanted) -> Token {
        self.taken.clear();
        let Some(first) = self.peek() else {
            return Token::End;
        };
        if wanted.open && self.rest.starts_with("${") {
            self.rest = &self.rest[2..];
            return Token::Open;
        }
        if wanted.close && first == '}' {
            self.take(first);
            return Token::Close;
        }
        if !wanted.text {
            return Token::Other;
        }
        while let Some(next) = self.peek() {
            if wanted.open && self.rest.starts_with("${") {
                break;
            }
            if wanted.escapes && self.is_escape() {
                // What is escaped is taken as it is.
                self.rest = &self.rest[1..];
                let escaped = self.peek().unwrap_or(next);
                self.take(escaped);
                continue;
            }
            if !accept(next, self.taken.len() + next.len_utf8()) {
                break;
            }
            self.take(next);
        }
        match self.taken.is_empty() {
            true => Token::Other,
            false => Token::Text,
        }
    }

    fn is_escape(&self) -> bool {
        let backslashed = ["\\/", "\\\\"];
        self.rest.starts_with("$$")
            || self.backslash && backslashed.iter().any(|it| self.rest.starts_with(it))
    }

    fn word(&mut self, accept: impl Fn(char, usize) -> bool) -> Result<String, Fault> {
        match self.scan(accept, Wanted::WORD) {
            Token::Text => Ok(std::mem::take(&mut self.taken)),
            _ => Err(Fault::syntax("an operation is written wrongly")),
        }
    }

    fn close(&mut self) -> Result<(), Fault> {
        match self.scan(|_, _| false, Wanted::CLOSE) {
            Token::Close => Ok(()),
            _ => Err(Fault::syntax("the closing brace is missing")),
        }
    }

    /// What stands behind `${`.
    fn expression(&mut self, depth: usize) -> Result<Expression, Fault> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Fault::syntax(&format!(
                "expressions are nested over {DEPTH} levels deep"
            )));
        };
        self.backslash = true;
        if self.peek() == Some('#') {
            let operation = self.word(|c, at| c == '#' && at == 1)?;
            let name = self.name()?;
            self.close()?;
            return Ok(Expression {
                name,
                operation,
                arguments: Vec::new(),
            });
        }
        let name = self.name()?;
        let mut made = Expression {
            name,
            operation: String::new(),
            arguments: Vec::new(),
        };
        match self.peek() {
            Some(':') if self.rest[1..].starts_with(['=', '-', '?', '+']) => {
                self.default(&mut made, depth)?;
            }
            Some('=') => self.default(&mut made, depth)?,
            Some(':') => self.part(&mut made, depth)?,
            Some(',' | '^') => {
                made.operation = self.word(|c, at| matches!(c, ',' | '^') && at < 3)?;
                self.close()?;
            }
            Some('/') => self.replacement(&mut made, depth)?,
            Some(sign @ ('#' | '%')) => {
                made.operation = self.word(|c, at| c == sign && at < 3)?;
                let argument = self.argument(|c, _| c != '}', false, depth)?;
                made.arguments.push(argument);
                self.close()?;
            }
            _ => self.close()?,
        }
        Ok(made)
    }

    fn name(&mut self) -> Result<String, Fault> {
        let in_name = |c: char, _: usize| c.is_alphanumeric() || c == '_';
        match self.scan(in_name, Wanted::WORD) {
            Token::Text => Ok(std::mem::take(&mut self.taken)),
            _ => Err(Fault::syntax("`${` wants the name of a variable behind it")),
        }
    }

    fn argument(
        &mut self,
        accept: impl Fn(char, usize) -> bool,
        escapes: bool,
        depth: usize,
    ) -> Result<Node, Fault> {
        let wanted = Wanted {
            escapes,
            ..Wanted::TEXT
        };
        match self.scan(accept, wanted) {
            Token::Open => Ok(Node::Expression(self.expression(depth)?)),
            Token::Text => Ok(Node::Text(std::mem::take(&mut self.taken))),
            _ => Err(Fault::syntax("an operation lacks what it is done with")),
        }
    }

    /// `${name:-default}` and its like: as many texts and expressions as there are.
    fn default(&mut self, made: &mut Expression, depth: usize) -> Result<(), Fault> {
        made.operation = match self.peek() {
            Some('=') => self.word(|c, at| c == '=' && at == 1)?,
            _ => self.word(|c, at| match at {
                1 => c == ':',
                2 => matches!(c, '=' | '-' | '?' | '+'),
                _ => false,
            })?,
        };
        while self.peek() != Some('}') {
            let argument = self.argument(|c, _| c != '}', false, depth)?;
            made.arguments.push(argument);
        }
        self.close()
    }

    /// `${name:position}`, `${name:position:length}`
    fn part(&mut self, made: &mut Expression, depth: usize) -> Result<(), Fault> {
        made.operation = self.word(|c, at| c == ':' && at == 1)?;
        let position = self.argument(|c, _| !matches!(c, ':' | '}'), false, depth)?;
        made.arguments.push(position);
        let wanted = Wanted {
            text: true,
            ..Wanted::CLOSE
        };
        match self.scan(|c, _| c == ':', wanted) {
            Token::Close => return Ok(()),
            Token::Text => {}
            _ => return Err(Fault::syntax("the closing brace is missing")),
        }
        let length = self.argument(|c, _| c != '}', false, depth)?;
        made.arguments.push(length);
        self.close()
    }

    /// `${name/pattern/text}`, `//`, `/#`, `/%`
    fn replacement(&mut self, made: &mut Expression, depth: usize) -> Result<(), Fault> {
        made.operation = self.word(|c, at| match at {
            1 => c == '/',
            2 => matches!(c, '/' | '#' | '%'),
            _ => false,
        })?;
        let pattern = match self.peek() {
            Some('/') => Node::Text(String::new()),
            _ => self.argument(|c, _| c != '/', true, depth)?,
        };
        made.arguments.push(pattern);
        self.word(|c, _| c == '/')?;
        if self.peek() != Some('}') {
            let text = self.argument(|c, _| c != '}', true, depth)?;
            made.arguments.push(text);
        }
        self.close()
    }
}
