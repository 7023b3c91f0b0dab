//! The editor's help: Tab and its menu, colours, hints from the history.
//!
//! Owns: which parts the editor is given, the key that opens the menu, how a candidate looks in it.
//! Does not own: what is offered (`complete`), what is coloured (`highlight`), the prompt's loop (`prompt`).
//! Invariant: without colours nothing is hinted, for a hint would look like what was typed.

use reedline::{
    Color, ColumnarMenu, Completer, CompletionResult, DefaultHinter, Emacs, InputMode, KeyCode, KeyModifiers, Keybindings,
    MenuBuilder, Reedline, ReedlineEvent, ReedlineMenu, Span, Suggestion, Vi, default_emacs_keybindings,
    default_vi_insert_keybindings, default_vi_normal_keybindings, default_vi_visual_keybindings,
};

use std::sync::{Arc, OnceLock};

use crate::Engine;

use super::candidates::{Candidate, Choice};
use super::complete::complete;
use super::highlight::SqlHighlighter;
use super::known::Known;

const MENU: &str = "completion";
/// Besides letters and digits, what does not close the menu.
const WORD_CHARS: &str = "_.$\"'-/\\";

/// An editor that completes, and in colours paints and hints.
pub(crate) fn equip(editor: Reedline, opening: Arc<OnceLock<Engine>>, is_coloured: bool) -> Reedline {
    let menu = ColumnarMenu::default().with_name(MENU).with_input_mode(InputMode::FullBuffer).with_word_chars(WORD_CHARS);
    let menu = menu.with_columns(1);
    let editor = with_keys(editor, Keys::Emacs)
        .use_bracketed_paste(true)
        .with_completer(Box::new(SqlCompleter { known: Known::of(None), opening: Some(opening) }))
        .with_partial_completions(true)
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_highlighter(Box::new(SqlHighlighter))
        .with_ansi_colors(is_coloured);
    if !is_coloured {
        return editor;
    }
    editor.with_hinter(Box::new(DefaultHinter::default().with_style(Color::DarkGray.normal())))
}

/// Whose keys edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    Emacs,
    Vi,
}

/// The editor with other keys.
pub(crate) fn with_keys(editor: Reedline, keys: Keys) -> Reedline {
    let completing = |mut keys: Keybindings| {
        let open = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext]);
        keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, open);
        keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
        keys
    };
    editor.with_edit_mode(match keys {
        Keys::Emacs => Box::new(Emacs::new(completing(default_emacs_keybindings()))),
        Keys::Vi => Box::new(Vi::new(
            completing(default_vi_insert_keybindings()),
            default_vi_normal_keybindings(),
            default_vi_visual_keybindings(),
        )),
    })
}

struct SqlCompleter {
    known: Known,
    /// Where the engine will be that more is known of, until it is.
    opening: Option<Arc<OnceLock<Engine>>>,
}

impl Completer for SqlCompleter {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        if let Some(engine) = self.opening.as_ref().and_then(|opening| opening.get()) {
            self.known = Known::of(Some(engine));
            self.opening = None;
        }
        let suggestions: Vec<Suggestion> = complete(line, pos, &self.known).into_iter().map(suggestion).collect();
        CompletionResult::fresh(suggestions)
    }
}

fn suggestion(candidate: Candidate) -> Suggestion {
    Suggestion {
        description: Some(candidate.about).filter(|about| !about.is_empty()),
        span: Span::new(candidate.start, candidate.end.max(candidate.start)),
        append_whitespace: candidate.choice == Choice::Keyword,
        value: candidate.text,
        ..Suggestion::default()
    }
}
