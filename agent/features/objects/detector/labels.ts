import { open } from 'node:fs/promises';
import { PerchError } from '../../../base/errors.ts';
import type { ObjectType } from './contract.ts';

/** Names of classes, in lower case, by type. The first ones are those of COCO. */
const NAMES: Readonly<Record<ObjectType, string>> = {
  person: 'person, people, pedestrian',
  vehicle: 'car, motorcycle, bus, truck, train, vehicle, van, motorbike, pickup truck, tractor',
  animal:
    'bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, animal, deer, fox, rabbit, squirrel, raccoon, goat, pig',
  bicycle: 'bicycle, bike',
};
const TYPES: ReadonlyMap<string, ObjectType> = new Map(
  Object.entries(NAMES).flatMap(([type, names]) => names.split(', ').map((name) => [name, type as ObjectType])),
);

const MAX_LABELS_BYTES = 64 << 10;

/** @param label name of a class of a model or a server @returns undefined: objects of this class are dropped */
export const typeOf = (label: string): ObjectType | undefined => TYPES.get(label.trim().toLowerCase());

/** Reads a file with the name of one class in each line, in the order of the model. @throws PerchError badInput, unavailable */
export async function readLabels(file: string): Promise<readonly string[]> {
  const bytes = Buffer.alloc(MAX_LABELS_BYTES + 1);
  let size = 0;
  try {
    await using handle = await open(file, 'r');
    ({ bytesRead: size } = await handle.read(bytes, 0, bytes.length, 0));
  } catch (cause) {
    throw new PerchError('unavailable', `the labels ${file} cannot be read`, { file }, cause);
  }
  if (size > MAX_LABELS_BYTES) {
    throw new PerchError('badInput', `the labels ${file} have more than ${MAX_LABELS_BYTES} bytes`, { file });
  }
  return parseLabels(bytes.toString('utf8', 0, size), file);
}

/** @throws PerchError badInput */
export function parseLabels(text: string, file: string): readonly string[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  // A blank line is a class without a name, but not at the end of the file.
  while (lines.at(-1)?.trim() === '') {
    lines.pop();
  }
  const labels = lines.map((line) => line.trim());
  if (labels.length > 2_000) {
    throw new PerchError('badInput', `the labels ${file} have ${labels.length} lines, the limit is 2000`);
  }
  if (!labels.some((label) => typeOf(label) !== undefined)) {
    const known = [...TYPES.keys()].slice(0, 6).join(', ');
    throw new PerchError('badInput', `no line of the labels ${file} is a person, a vehicle or an animal (${known}, …)`);
  }
  return labels;
}
