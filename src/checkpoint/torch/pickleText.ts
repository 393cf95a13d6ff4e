// Writes a pickle of protocol 2, instruction by instruction, as far as a state dict needs. Nothing is kept in the memo:
// names are written again each time, which costs a few bytes and keeps the output a function of what is called.
import { opcode } from './pickleOpcodes.ts';

/** A pickle being written; each method appends one value, or what stands around the values that `content` appends. */
export class PickleText {
  readonly #bytes: number[] = [opcode.PROTO, 2];

  text(value: string): void {
    const utf8 = new TextEncoder().encode(value);
    this.#bytes.push(opcode.BINUNICODE, ...littleEndian(utf8.byteLength, 4), ...utf8);
  }

  /** A whole number from 0 on. */
  whole = (value: number): void => {
    if (value < 2 ** 31) this.#bytes.push(opcode.BININT, ...littleEndian(value, 4));
    else this.#bytes.push(opcode.LONG1, 8, ...littleEndian(value, 8));
  };

  /** False. */
  no(): void {
    this.#bytes.push(opcode.NEWFALSE);
  }

  tuple(content: () => void): void {
    this.#bytes.push(opcode.MARK);
    content();
    this.#bytes.push(opcode.TUPLE);
  }

  /** `content` appends key, value, key, value and so on. */
  dict(content: () => void): void {
    this.#bytes.push(opcode.EMPTY_DICT, opcode.MARK);
    content();
    this.#bytes.push(opcode.SETITEMS);
  }

  /** A Python name such as 'collections.OrderedDict'. */
  global(name: string): void {
    const dot = name.lastIndexOf('.');
    const lines = `${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`;
    this.#bytes.push(opcode.GLOBAL, ...new TextEncoder().encode(lines));
  }

  /** What calling a name with the values of `content` gives. */
  call(name: string, content: () => void): void {
    this.global(name);
    this.tuple(content);
    this.#bytes.push(opcode.REDUCE);
  }

  /** What the reader is to look up under the tuple of the values of `content`. */
  persistent(content: () => void): void {
    this.tuple(content);
    this.#bytes.push(opcode.BINPERSID);
  }

  /** The bytes; nothing may be appended afterwards. */
  finish(): Uint8Array {
    return Uint8Array.from([...this.#bytes, opcode.STOP]);
  }
}

function littleEndian(value: number, bytes: number): readonly number[] {
  return Array.from({ length: bytes }, (_, index) => Math.floor(value / 256 ** index) % 256);
}
