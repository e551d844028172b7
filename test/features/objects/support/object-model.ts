import { join } from 'node:path';
import { COCO_LABELS } from '../../../../agent/features/objects/model/archives.ts';
import type { ModelFiles } from '../../../../agent/features/objects/model/model.ts';

const FOLDER = join(import.meta.dirname, '../../../../node_modules/.cache/object-model');

/** The packaged model and its runtime, for suites with the peer `object-model`. */
export const OBJECT_MODEL: ModelFiles = {
  model: join(FOLDER, 'model.onnx'),
  labels: COCO_LABELS,
  runtime: join(FOLDER, 'runtime'),
};
