// Python's pickle as far as plain data goes: numbers, strings, tuples, lists and dicts, and the few names that a reader
// of one format gives a meaning to. A pickle is a program; this machine has no instruction that runs anything. A name it
// was not told of is refused when it is named, long before something could be done with it.
//
// It is written here because what is on npm for the task (pickleparser) makes an object of any class that a file names,
// calls what lies on the stack, copies a file's keys into objects by assignment, and reads on past memo entries that are
// not there.

import { quoted } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import { opcode } from './pickleOpcodes.ts';

/** What a pickle holds. `Thing` is what the format adds: a tensor, a storage. */
export type PickleValue<Thing> =
  | null
  | boolean
  | number
  | string
  | { readonly kind: 'tuple'; readonly items: readonly PickleValue<Thing>[] }
  | { readonly kind: 'list'; readonly items: PickleValue<Thing>[] }
  | { readonly kind: 'dict'; readonly entries: Map<string | number | boolean | null, PickleValue<Thing>> }
  | { readonly kind: 'global'; readonly name: string }
  | { readonly kind: 'thing'; readonly thing: Thing };

/** What the names and persistent ids of one format mean. */
export interface PickleMeaning<Thing> {
  /** Names such as 'collections.OrderedDict'; any other is refused. */
  readonly globals: ReadonlySet<string>;
  /** What calling a known name gives, or undefined where it cannot be called like that. */
  call(name: string, args: readonly PickleValue<Thing>[]): PickleValue<Thing> | undefined;
  /** What a persistent id stands for, or undefined where it is no proper one. */
  persistent(id: PickleValue<Thing>): PickleValue<Thing> | undefined;
}

/** A state dict of ten thousand tensors takes 400,000 instructions. */
const mostInstructions = 4_000_000;
/** Python writes lists and dicts in pieces of a thousand, so a deeper stack is nesting without end. */
const deepestStack = 20_000;

/**
 * Read one pickle of protocol 2 or later.
 * @param label begins every message, say "'weights.bin'"
 * @throws CheckpointError that says what the pickle asked for and why it is not done
 */
export function readPickle<Thing>(
  bytes: Uint8Array,
  label: string,
  meaning: PickleMeaning<Thing>,
): PickleValue<Thing> {
  type Value = PickleValue<Thing>;
  const damaged = 'The file is cut off or damaged; fetch it again.';
  // The annotation lets TypeScript see that nothing follows a refusal.
  const refuse: (problem: string, remedy?: string) => never = (problem, remedy = damaged) => {
    throw new CheckpointError(`${label} ${problem}. ${remedy}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  /** Step over `length` bytes, which have to be there. */
  const take = (length: number): number => {
    if (length > bytes.byteLength - at) refuse(`has a pickle that ends early, at byte ${bytes.byteLength}`);
    at += length;
    return at - length;
  };
  const text = (length: number): string => {
    const from = take(length);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        bytes.subarray(from, from + length),
      );
    } catch {
      return refuse('has a string that is not UTF-8');
    }
  };
  const line = (): string => {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) return refuse('has a pickle that ends within a line');
    const found = text(end - at);
    at = end + 1;
    return found;
  };

  const stack: Value[] = [];
  const marks: number[] = [];
  const memo = new Map<number, Value>();
  const push = (value: Value): void => {
    if (stack.length >= deepestStack) {
      refuse(`has a pickle that nests deeper than ${deepestStack} values`, 'No state dict does.');
    }
    stack.push(value);
  };
  const pop = (): Value => {
    const value = stack.length > (marks.at(-1) ?? 0) ? stack.pop() : undefined;
    return value === undefined ? refuse(`takes a value from an empty stack at byte ${at}`) : value;
  };
  const popMark = (): Value[] => {
    const mark = marks.pop();
    return mark === undefined
      ? refuse(`goes back to a mark that it never set, at byte ${at}`)
      : stack.splice(mark);
  };
  const known = (module: string, name: string): Value => {
    const global = `${module}.${name}`;
    if (!meaning.globals.has(global)) {
      refuse(
        `asks for the Python name ${quoted(global)}, which is not read: only tensors and plain containers are`,
        'Save a state dict of plain tensors.',
      );
    }
    return { kind: 'global', name: global };
  };
  const remember = (index: number): void => {
    const value = pop();
    stack.push(value);
    memo.set(index, value);
  };
  const recall = (index: number): void => {
    const value = memo.get(index);
    push(value === undefined ? refuse(`recalls value ${index}, which it never kept`) : value);
  };
  const append = (items: readonly Value[]): void => {
    const list = pop();
    if (!isKind(list, 'list')) refuse(`appends to ${kindOf(list)}`);
    for (const item of items) list.items.push(item);
    stack.push(list);
  };
  const setItems = (items: readonly Value[]): void => {
    const dict = pop();
    if (!isKind(dict, 'dict')) refuse(`sets an item of ${kindOf(dict)}`);
    if (items.length % 2 !== 0) refuse('sets an item without a value');
    for (let index = 0; index < items.length; index += 2) {
      const [key, value] = [items[index], items[index + 1]];
      if (key === undefined || value === undefined) refuse('sets an item without a value');
      if (typeof key === 'object' && key !== null) refuse(`has a dict with ${kindOf(key)} for a key`);
      dict.entries.set(key, value);
    }
    stack.push(dict);
  };
  const notRun = (what: string): never =>
    refuse(`has a pickle that ${what}, which is not done`, 'Save a state dict of plain tensors.');

  if (bytes[0] !== 0x80) return refuse('does not begin with a pickle of protocol 2 or later');
  for (let count = 0; count < mostInstructions; count++) {
    const code = bytes[take(1)] ?? 0;
    switch (code) {
      case opcode.PROTO: {
        const protocol = bytes[take(1)] ?? 0;
        if (protocol < 2 || protocol > 5)
          return refuse(`has a pickle of protocol ${protocol}`, 'Known: 2 to 5.');
        break;
      }
      case opcode.FRAME:
        take(8);
        break;
      case opcode.STOP: {
        const value = pop();
        if (stack.length > 0 || marks.length > 0) return refuse('has a pickle that stops half-way');
        return value;
      }
      case opcode.MARK:
        if (marks.length >= deepestStack)
          return refuse('has a pickle that nests without end', 'No state dict does.');
        marks.push(stack.length);
        break;
      case opcode.NONE:
        push(null);
        break;
      case opcode.NEWTRUE:
      case opcode.NEWFALSE:
        push(code === opcode.NEWTRUE);
        break;
      case opcode.BININT:
        push(view.getInt32(take(4), true));
        break;
      case opcode.BININT1:
        push(view.getUint8(take(1)));
        break;
      case opcode.BININT2:
        push(view.getUint16(take(2), true));
        break;
      case opcode.LONG1: {
        const length = bytes[take(1)] ?? 0;
        if (length > 8) return refuse(`has a whole number of ${length} bytes`, 'At most 8 are read.');
        const number = signedNumber(bytes.subarray(take(length), at));
        push(Number.isSafeInteger(number) ? number : refuse('has a whole number past 2^53'));
        break;
      }
      case opcode.BINFLOAT:
        push(view.getFloat64(take(8)));
        break;
      case opcode.SHORT_BINUNICODE:
        push(text(view.getUint8(take(1))));
        break;
      case opcode.BINUNICODE:
        push(text(view.getUint32(take(4), true)));
        break;
      case opcode.EMPTY_TUPLE:
        push({ kind: 'tuple', items: [] });
        break;
      case opcode.TUPLE1:
      case opcode.TUPLE2:
      case opcode.TUPLE3: {
        const items: Value[] = [];
        for (let left = code - opcode.TUPLE1 + 1; left > 0; left--) items.unshift(pop());
        push({ kind: 'tuple', items });
        break;
      }
      case opcode.TUPLE:
        push({ kind: 'tuple', items: popMark() });
        break;
      case opcode.EMPTY_LIST:
        push({ kind: 'list', items: [] });
        break;
      case opcode.APPEND:
        append([pop()]);
        break;
      case opcode.APPENDS:
        append(popMark());
        break;
      case opcode.EMPTY_DICT:
        push({ kind: 'dict', entries: new Map() });
        break;
      case opcode.SETITEM: {
        const value = pop();
        setItems([pop(), value]);
        break;
      }
      case opcode.SETITEMS:
        setItems(popMark());
        break;
      case opcode.BINPUT:
        remember(view.getUint8(take(1)));
        break;
      case opcode.LONG_BINPUT:
        remember(view.getUint32(take(4), true));
        break;
      case opcode.MEMOIZE:
        remember(memo.size);
        break;
      case opcode.BINGET:
        recall(view.getUint8(take(1)));
        break;
      case opcode.LONG_BINGET:
        recall(view.getUint32(take(4), true));
        break;
      case opcode.GLOBAL: {
        const module = line();
        push(known(module, line()));
        break;
      }
      case opcode.STACK_GLOBAL: {
        const name = pop();
        const module = pop();
        if (typeof module !== 'string' || typeof name !== 'string')
          return refuse('asks for a name that is not a string');
        push(known(module, name));
        break;
      }
      case opcode.BINPERSID: {
        const id = pop();
        push(meaning.persistent(id) ?? refuse('refers to a storage in a way that torch.save does not'));
        break;
      }
      case opcode.REDUCE: {
        const args = pop();
        const callee = pop();
        if (!isKind(callee, 'global')) return refuse(`calls ${kindOf(callee)}`);
        if (!isKind(args, 'tuple')) return refuse(`calls ${quoted(callee.name)} with ${kindOf(args)}`);
        const made = meaning.call(callee.name, args.items);
        push(made ?? refuse(`calls ${quoted(callee.name)} with arguments that torch.save does not give it`));
        break;
      }
      case opcode.BUILD: {
        // A module's state dict has an attribute with version numbers of the modules. Nothing of the tensors is in it.
        const state = pop();
        const target = pop();
        if (!isKind(target, 'dict') || !isKind(state, 'dict')) return notRun('sets attributes of an object');
        push(target);
        break;
      }
      case opcode.INST: {
        const module = line();
        known(module, line());
        return notRun('makes an object of a class');
      }
      case opcode.NEWOBJ:
      case opcode.NEWOBJ_EX:
        return notRun('makes an object of a class');
      case opcode.EXT1:
      case opcode.EXT2:
      case opcode.EXT4:
        return notRun('takes a class from the registry of extensions');
      default:
        return refuse(
          `has the pickle instruction 0x${code.toString(16).padStart(2, '0')}, which no state dict needs`,
          'It is damaged, or holds more than a state dict.',
        );
    }
  }
  return refuse(`has a pickle of more than ${mostInstructions} instructions`, 'No state dict does.');
}

/** Two's complement, least byte first. */
function signedNumber(bytes: Uint8Array): number {
  let number = 0n;
  for (const [index, byte] of bytes.entries()) number |= BigInt(byte) << BigInt(8 * index);
  return Number(BigInt.asIntN(8 * bytes.byteLength, number));
}

type KindOf<Thing> = Extract<PickleValue<Thing>, { readonly kind: string }>['kind'];

/** Whether a value is of one of the kinds that are objects here. */
export function isKind<Thing, Kind extends KindOf<Thing>>(
  value: PickleValue<Thing>,
  kind: Kind,
): value is Extract<PickleValue<Thing>, { readonly kind: Kind }> {
  return typeof value === 'object' && value !== null && value.kind === kind;
}

/** What a value is, for a message. */
export function kindOf<Thing>(value: PickleValue<Thing>): string {
  if (value === null) return 'None';
  if (typeof value !== 'object') return typeof value === 'boolean' ? 'a bool' : `a ${typeof value}`;
  return value.kind === 'global' ? `the name ${quoted(value.name)}` : `a ${value.kind}`;
}
