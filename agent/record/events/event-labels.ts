import { PerchError } from '../../base/errors.ts';
import { LABEL_TYPES } from '../../base/event-kinds.ts';
import type { EventLabel, LabelBox } from './event.ts';
import { readLabelZones } from './event-zones.ts';

/** With these, a line of the journal stays below its limit. */
const MAX_LABELS = 8;
/** Accuracy of scores and boxes. */
const PARTS = 10_000;
/** A picture may be this much older than its event: it is the one before the motion. */
const EARLIER_US = 60_000_000;

/** The labels of a stored event; those that are invalid are left out. @returns undefined if the value is no list */
export function readLabels(value: unknown): readonly EventLabel[] | undefined {
  return Array.isArray(value) ? value.slice(0, MAX_LABELS).flatMap((one) => readLabel(one) ?? []) : undefined;
}

function readLabel(value: unknown): EventLabel | undefined {
  const { type: word, score, box, at, ...more } = fieldsOf(value);
  const { x, y, width, height } = fieldsOf(box);
  const type = LABEL_TYPES.find((one) => one === word);
  const isWhole = isShare(score) && isShare(x) && isShare(y) && isShare(width) && isShare(height);
  if (!type || !isWhole || !isWithin({ x, y, width, height }) || !Number.isSafeInteger(at) || (at as number) < 0) {
    return undefined;
  }
  const zones = readLabelZones(more['zones']);
  return { type, score, box: { x, y, width, height }, at: at as number, ...(zones && { zones }) };
}

/** Labels as they are stored. @throws PerchError badInput for too many of them, or invalid values */
export function checkedLabels(labels: readonly EventLabel[], startUs: number, latestUs: number): EventLabel[] {
  if (labels.length > MAX_LABELS) {
    throw new PerchError('badInput', `${labels.length} labels, the limit is ${MAX_LABELS}`);
  }
  return labels.map((label, i) => {
    const refuse = (what: string): PerchError => new PerchError('badInput', `labels[${i}].${what}`);
    const { type, score, box, at } = label;
    const zones = readLabelZones(label.zones);
    if (!LABEL_TYPES.includes(type)) {
      throw refuse(`type '${String(type).slice(0, 64)}' is none of ${LABEL_TYPES.join(', ')}`);
    }
    const outside = Object.entries({ score, ...prefixed(box) }).find(([, value]) => !isShare(value));
    if (outside) {
      throw refuse(`${outside[0]} is not a number from 0 to 1`);
    }
    if (!isWithin(box)) {
      throw refuse('box is not within the picture');
    }
    if (!(at >= startUs - EARLIER_US && at <= latestUs)) {
      throw refuse(`at is more than ${EARLIER_US / 1e6} s before the start of the event, or in the future`);
    }
    const { x, y, width, height } = box;
    return {
      type,
      score: rounded(score),
      box: { x: rounded(x), y: rounded(y), width: rounded(width), height: rounded(height) },
      at: Math.round(at),
      ...(zones && { zones }),
    };
  });
}

const prefixed = ({ x, y, width, height }: LabelBox) => ({
  'box.x': x,
  'box.y': y,
  'box.width': width,
  'box.height': height,
});

/** Corner and size may both be rounded up. */
const isWithin = ({ x, y, width, height }: LabelBox): boolean => Math.max(x + width, y + height) <= 1 + 2 / PARTS;
const rounded = (share: number): number => Math.round(share * PARTS) / PARTS;
const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;
const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
