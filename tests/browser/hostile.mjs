/** Two hundred strings that would do something if any part of the page took text for more than text. */

/** What each of them tries to call, with its number. */
const CALL = (n) => `globalThis.fired=${n}`;

/** Ways to run code, for a place that takes HTML, an address, a template or a script. */
const PAYLOADS = [
  (n) => `<script>${CALL(n)}</script>`,
  (n) => `<img src=x onerror="${CALL(n)}">`,
  (n) => `<svg/onload=${CALL(n)}>`,
  (n) => `<iframe srcdoc="<script>parent.fired=${n}</script>"></iframe>`,
  (n) => `<details open ontoggle=${CALL(n)}>`,
  (n) => `<math><mtext></table><mglyph><style><img src=x onerror=${CALL(n)}>`,
  (n) => `javascript:${CALL(n)}`,
  (n) => `data:text/html,<script>${CALL(n)}</script>`,
  (n) => `\${${CALL(n)}}`,
  (n) => `{{constructor.constructor('${CALL(n)}')()}}`,
  (n) => `';${CALL(n)};//`,
  (n) => `=HYPERLINK("javascript:${CALL(n)}","x")`,
  (n) => `+cmd|' /C calc'!A${n}`,
  (n) => `@SUM(1+1)*${n}`,
  (n) => `-2+3+${n}`,
  (n) => `__proto__[fired]=${n}`,
  (n) => `&lt;img src=x onerror=${CALL(n)}&gt; &#x3c;b&#x3e;`,
  (n) => `%3Cscript%3E${CALL(n)}%3C/script%3E`,
  (n) => `\u202e<b>${n}\u202c \u2066&\u2069`,
  (n) => `]]><!--<b>${n}--><![CDATA[`,
];

/** Ways to break out of where a text stands: markup, quotes, cells, lines. */
const WRAPPINGS = [
  (text) => text,
  (text) => `">${text}`,
  (text) => `'>${text}<x a='`,
  (text) => `</textarea></td></tr></table></title>${text}`,
  (text) => `profit","\r\n${text}`,
  (text) => `=1+1\n${text}`,
  (text) => `\t${text}\t`,
  (text) => `</script><${'b '.repeat(3)}${text}`,
  (text) => `\u0001\u001b[31m${text}\ufeff`,
  (text) => `הרווח ${text} 利益`,
];

/** All of them. */
export const HOSTILE = WRAPPINGS.flatMap((wrap, at) => PAYLOADS.map((payload, n) => wrap(payload(at * PAYLOADS.length + n))));

/** Twenty of them: each payload once, each wrapping twice. */
export const SOME_HOSTILE = HOSTILE.filter((_, index) => index % PAYLOADS.length % WRAPPINGS.length === Math.floor(index / PAYLOADS.length));
