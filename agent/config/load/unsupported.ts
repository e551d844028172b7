import type { Harmless, UnsupportedGroup } from '../schema/common/key-rules.ts';
import { parseWord } from '../values/word.ts';
import type { Report } from '../yaml/problem.ts';
import type { Entry, MapNode, Tree } from '../yaml/tree.ts';

/** Reports the keys of `map` that do nothing: a warning for values that would have an effect, else a note. */
export function reportUnsupported(
  map: MapNode,
  groups: readonly UnsupportedGroup[],
  prefix: string,
  report: Report,
  path?: string,
): void {
  for (const { feature, reason, keys } of groups) {
    const present = [...map.entries].filter(([name]) => Object.hasOwn(keys, name));
    const wanted = present.filter(([name, { tree }]) => !isHarmless(tree, keys[name] ?? ''));
    const tell = (severity: 'warn' | 'note', words: string, entries: readonly NamedEntry[]) => {
      const [first, ...others] = entries;
      if (first) {
        const message = others.length === 0 ? words : `${words}, with it ${others.map(nameAndLine).join(', ')}`;
        report.add(severity, first[1], `${prefix}${first[0]}`, message, path);
      }
    };
    tell('warn', `${feature} is not supported: ${reason}`, wanted);
    if (wanted.length === 0) {
      tell('note', 'has no effect in Perch, and this value needs none', present);
    }
  }
}

type NamedEntry = readonly [name: string, entry: Entry];

const nameAndLine = ([name, { line }]: NamedEntry): string => (line === undefined ? name : `${name} (line ${line})`);

function isHarmless(tree: Tree, harmless: Harmless): boolean {
  if (tree.kind === 'scalar') {
    return tree.isNull || isSame(tree.text, harmless);
  }
  if (tree.kind === 'sequence' && Array.isArray(harmless)) {
    const texts = tree.items.map((item) => (item.kind === 'scalar' ? item.text : ''));
    return texts.length === harmless.length && texts.every((text, i) => isSame(text, harmless[i] ?? ''));
  }
  return false;
}

function isSame(text: string, harmless: Harmless): boolean {
  if (typeof harmless === 'boolean') {
    return parseWord(text) === harmless;
  }
  if (typeof harmless === 'number') {
    return text !== '' && Number(text) === harmless;
  }
  // `rtmpEncryption: no` without quotes means the word of the enumeration.
  return text === harmless || (harmless === 'no' && parseWord(text) === false);
}
