/** The readers: as many workers as the device has cores for, each with the model. */

import { Mortal } from './mortal.ts';
import type { Answers, Opening } from './protocol.ts';
import type { Reader } from './reader.ts';

/** More than this many bring little, and each holds the model once. */
const MOST = 4;

/** The place of one reader. */
class Seat {
  readonly #reader = new Mortal<Reader>(new Worker(new URL('./reader.ts', import.meta.url), { type: 'module', name: 'reader' }), 'a reader');
  #opened: Promise<void> | undefined;
  /** How many batches it has been given and not answered. */
  owed = 0;
  /** Who reads in its place once it is dead. */
  heir: Seat | undefined;

  get dead(): boolean {
    return this.#reader.dead;
  }

  ready(): Promise<void> {
    return this.#reader.ask((reader) => reader.ready());
  }

  open(opening: Opening): Promise<void> {
    return (this.#opened = this.#reader.ask((reader) => reader.open(opening)));
  }

  /** Reads a batch once its model is open. */
  async read(texts: string[]): Promise<Answers> {
    this.owed++;
    try {
      await this.#opened;
      return await this.#reader.ask((reader) => reader.read(texts) as Promise<Answers>);
    } finally {
      this.owed--;
    }
  }

  end(): void {
    this.#reader.end();
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

  /** Resolves once every reader is here; those that did not come are called again. */
  async ready(): Promise<void> {
    await Promise.all(this.#seats.map((seat) => this.#living(seat).ready()));
  }

  /** Opens a model with every reader, unless it is open already. */
  async open(opening: Opening): Promise<void> {
    if (this.#opening?.id === opening.id) return;
    this.#opening = undefined;
    await Promise.all(this.#seats.map((seat) => this.#living(seat).open(opening)));
    this.#opening = opening;
  }

  /** Has the reader with the least to do read a batch; should it die, another once more. */
  async read(texts: string[]): Promise<Answers> {
    const seat = this.#idlest();
    try {
      return await seat.read(texts);
    } catch (error) {
      if (!seat.dead || this.#opening === undefined) throw error;
      return this.#living(seat).read(texts);
    }
  }

  /** The reader, or the one in its place: it is replaced once, however many batches it owed. */
  #living(seat: Seat): Seat {
    if (!seat.dead) return seat;
    if (seat.heir === undefined) {
      seat.end();
      seat.heir = new Seat();
      this.#seats[this.#seats.indexOf(seat)] = seat.heir;
      // Should that fail, its first batch says so, and the next file opens the model anew.
      if (this.#opening !== undefined) seat.heir.open(this.#opening).catch(() => (this.#opening = undefined));
    }
    return seat.heir;
  }

  #idlest(): Seat {
    return this.#seats.reduce((best, seat) => (seat.owed < best.owed ? seat : best));
  }
}
