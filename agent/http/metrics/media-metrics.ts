import type { Column, Item, MediaKind } from './media-kinds.ts';
import { type Labels, labelsText, type MetricsText } from './metrics-text.ts';

/** @param only one item; empty: all */
export function writeKind(text: MetricsText, kind: MediaKind, items: readonly Item[], only: string): void {
  if (items.length === 0) {
    if (only === '') {
      writeEmpty(text, kind);
    }
    return;
  }
  const shown = only === '' ? items : items.filter((item) => item[kind.filterField] === only);
  const labelled = shown.map((item) => [item, labelsText(labelsOf(kind, item))] as const);
  for (const { title, columns } of kind.blocks) {
    text.heading(title);
    if (text.isDescribed) {
      for (const column of columns) {
        text.describe(column.name, column.kind, column.help);
        for (const [item, labels] of labelled) {
          writeColumn(text, kind, column, item, labels);
        }
      }
    } else {
      for (const [item, labels] of labelled) {
        for (const column of columns) {
          writeColumn(text, kind, column, item, labels);
        }
      }
    }
    text.end();
  }
}

function writeColumn(text: MetricsText, kind: MediaKind, { name, of }: Column, item: Item, labels: string): void {
  if (typeof of !== 'function') {
    text.sample(name, labels, of === undefined ? 1 : Number(item[of] ?? 0));
    return;
  }
  for (const [more, value] of of(item)) {
    const all = [...labelsOf(kind, item), ...more].sort(([a], [b]) => (a < b ? -1 : 1));
    text.sample(name, labelsText(all), value);
  }
}

/** Each name once, so that queries find it; those with several lines last, as in MediaMTX. */
function writeEmpty(text: MetricsText, { blocks }: MediaKind): void {
  const isSplit = ({ of }: Column) => typeof of === 'function';
  const split = blocks.flatMap(({ columns }) => columns.filter(isSplit));
  for (const [i, { title, columns }] of blocks.entries()) {
    const here = columns.filter((column) => !isSplit(column));
    text.heading(title);
    for (const { name, kind, help } of i === blocks.length - 1 ? [...here, ...split] : here) {
      if (text.isDescribed) {
        text.describe(name, kind, help);
      }
      text.sample(name, '', 0);
    }
    text.end();
  }
}

const labelsOf = ({ labels }: MediaKind, item: Item): Labels =>
  labels.map(([name, field]) => [name, String(item[field] ?? '')] as const);
