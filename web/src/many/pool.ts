/** The readers: as many workers as the device has cores for, each with the model. */

import { releaseProxy, wrap, type Remote } from 'comlink';
import type { Answers, Opening } from './protocol.ts';
import type { Reader } from './reader.ts';

/** More than this many bring little, and each holds the model once. */
const MOST = 4;

/** One worker. What it owes when it dies is rejected. */
class Seat {
  readonly #worker = new Worker(new URL('./reader.ts', import.meta.url), { type: 'module', name: 'reader' });
  readonly #remote: Remote<Reader> = wrap<Reader>(this.#worker);
  readonly #death: Promise<never>;
  /** How many batches it has been given and not answered. */
  owed = 0;
  dead = false;

  constructor() {
    this.#death = new Promise((_, reject) => {
      const die = (reason: string) => {
        this.dead = true;
        reject(new Error(`a reader stopped: ${reason}`));
      };
      this.#worker.onerror = (event) => {
        event.preventDefault();
        die(event.message || 'its worker did not load');
      };
      this.#worker.onmessageerror = () => die('it sent what cannot be read');
    });
    this.#death.catch(() => undefined);
  }

  ready(): Promise<void> {
    return Promise.race([this.#remote.ready(), this.#death]);
  }

  open(opening: Opening): Promise<void> {
    return Promise.race([this.#remote.open(opening), this.#death]);
  }

  async read(texts: string[]): Promise<Answers> {
    this.owed++;
    try {
      return await Promise.race([this.#remote.read(texts) as Promise<Answers>, this.#death]);
    } finally {
      this.owed--;
    }
  }

  end(): void {
    this.dead = true;
    this.#remote[releaseProxy]();
    this.#worker.terminate();
  }
}

/** Readers that share the work, started at once so that reading needs no network later. */
export class Pool {
  readonly #seats: Seat[];
  #opening: Opening | undefined;

  constructor(cores = navigator.hardwareConcurrency) {
    this.#seats = Array.from({ length: Math.max(1, Math.min(MOST, cores)) }, () => new Seat());
  }

  /** How many readers there are. */
  get size(): number {
    return this.#seats.length;
  }

  /** Resolves once every reader is here. */
  async ready(): Promise<void> {
    await Promise.all(this.#seats.map((seat) => seat.ready()));
  }

  /** Opens a model with every reader, unless it is open already. */
  async open(opening: Opening): Promise<void> {
    if (this.#opening?.id === opening.id) return;
    this.#opening = undefined;
    await Promise.all(this.#seats.map((_, at) => this.#living(at, opening)));
    this.#opening = opening;
  }

  /** Has the reader with the least to do read a batch; should it die, another once more. */
  async read(texts: string[]): Promise<Answers> {
    const at = this.#idlest();
    try {
      return await this.#seat(at).read(texts);
    } catch (error) {
      if (!this.#seat(at).dead || this.#opening === undefined) throw error;
      await this.#living(at, this.#opening);
      return this.#seat(at).read(texts);
    }
  }

  /** A reader that lives, with the model open. */
  async #living(at: number, opening: Opening): Promise<void> {
    if (this.#seat(at).dead) {
      this.#seat(at).end();
      this.#seats[at] = new Seat();
    }
    await this.#seat(at).open(opening);
  }

  #idlest(): number {
    return this.#seats.reduce((best, { owed }, at) => (owed < this.#seat(best).owed ? at : best), 0);
  }

  #seat(at: number): Seat {
    const seat = this.#seats[at];
    if (seat === undefined) throw new Error(`the pool has no reader ${at}`);
    return seat;
  }
}
