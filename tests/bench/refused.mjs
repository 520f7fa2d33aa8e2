/** What was asked cannot be done, and the message says what to do: no fault of the program, so no trace of it. */
export class Refused extends Error {}
