/** The version of the page, from its `package.json`. */
declare const __VERSION__: string;
