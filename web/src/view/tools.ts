/** What else can be done with an answer: words taken out, searches, curves, files. Loaded after the first answer. */

import '../style/tools.css';
import type { Answer, Ask, Reader } from '../answer/answer.ts';
import type { Removal } from '../answer/removal.ts';
import { byId } from '../dom.ts';
import type { Entry } from '../entry.ts';
import { CurvesTool } from './curves.ts';
import { FlipTool } from './flip.ts';
import { KeepTool } from './keep.ts';
import { Moved } from './moved.ts';

/** What the tools need of the page around them. */
export interface Host {
  /** The model that was chosen. */
  model: () => Entry | undefined;
  /** The class that the reader picked; none while the page follows the predicted one. */
  picked: () => string | undefined;
  removal: Removal;
  ask: Record<Reader['name'], Ask>;
}

/** All of them; there is one, for the answer that is shown. */
export class Tools {
  readonly #host: Host;
  readonly #moved: Moved;
  readonly #flip: FlipTool;
  readonly #curves: CurvesTool;
  readonly #keep: KeepTool;

  constructor(host: Host) {
    this.#host = host;
    this.#moved = new Moved(host);
    this.#flip = new FlipTool(host);
    this.#curves = new CurvesTool(host);
    this.#keep = new KeepTool(host, () => this.#moved.after);
    byId('tools').hidden = false;
  }

  /** Turns to an answer, or to the words taken out of it. */
  show(answer: Answer | undefined): void {
    this.#moved.show(answer, this.#host.removal.removed);
    this.#flip.show(answer);
    this.#curves.show(answer);
    this.#keep.show(answer);
  }
}
