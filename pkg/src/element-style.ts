/** How the element looks; custom properties and parts let a page change it. */

const TEXT = `
:host { display: block; --_for: var(--stillglass-for, #1a7f5a); --_against: var(--stillglass-against, #b3401f); }
:host([hidden]) { display: none; }
p { margin: 0 0 .4em; }
p:empty { display: none; }
[part~=label] { font-weight: 600; }
[part=text] { display: block; }
[part=text] + [part=text] { margin-top: .4em; padding-top: .4em; border-top: 1px solid color-mix(in srgb, currentcolor 25%, transparent); }
[part~=word] { border-radius: .2em; padding: 0 .1em; text-decoration: underline 2px; text-underline-offset: .2em; }
[part~=for] { background: color-mix(in srgb, var(--_for) calc(var(--strength) * 45%), transparent); text-decoration-color: var(--_for); }
[part~=against] { background: color-mix(in srgb, var(--_against) calc(var(--strength) * 45%), transparent);
  text-decoration-color: var(--_against); text-decoration-style: dashed; }
[part=value], [part=summary] { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
:host([values]) [part=value] { position: static; width: auto; height: auto; clip-path: none; font-size: .75em; }
[part=error] { color: var(--_against); }
:host([data-state=answered]) slot { display: none; }
@media (forced-colors: active) { [part~=word] { text-decoration-color: currentColor; } }
`;

let sheet: CSSStyleSheet | undefined;

/** The one style sheet of all elements: constructed, so that no policy against inline styles concerns it. */
export function styles(): CSSStyleSheet {
  if (sheet === undefined) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(TEXT);
  }
  return sheet;
}
