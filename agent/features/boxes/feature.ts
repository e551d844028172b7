import type { Feature } from '../contract.ts';
import { BOXES_FILE, readBoxes } from './client/box-file.ts';
import { ManyBoxes } from './many-boxes.ts';
import { PERCH_SOURCE } from './source.ts';

export const boxes: Feature = {
  name: 'boxes',
  problemKind: 'box',
  sources: [PERCH_SOURCE],
  backup: [{ name: BOXES_FILE, isWhole: (text) => readBoxes(JSON.parse(text)) !== undefined }],
  open: (host) => new ManyBoxes(host),
};
