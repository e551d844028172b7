import Type from 'typebox';
import { LABEL_TYPES } from '../../base/event-kinds.ts';
import type { FeatureKeys } from '../../config/schema/feature-keys.ts';

const schema = {
  objectsModel: Type.String({
    default: '',
    isRight: true,
    names: 'file',
    description:
      'Own model instead of the packaged one: an ONNX file of YOLOv5, 8, 11, YOLOX or NanoDet. Needs objectsLabels.',
  }),
  objectsLabels: Type.String({
    default: '',
    isRight: true,
    names: 'file',
    description:
      'With objectsModel: a text file with the names of its classes, one in each line, such as person, bicycle, car.',
  }),
  objectsURL: Type.String({
    default: '',
    isRight: true,
    syntax: 'askedUrl',
    description:
      'Server that looks at the pictures instead of this box, with the API of DeepStack and CodeProject.AI. The pictures leave the box.',
  }),
};
const pathSchema = {
  objects: Type.Array(Type.Enum([...LABEL_TYPES]), {
    default: [],
    isLive: true,
    maxItems: LABEL_TYPES.length,
    description: 'What is looked for in pictures of its motion: person, vehicle, animal. Empty = nothing.',
  }),
  objectsMinHeight: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 0,
    isLive: true,
    description: 'Share of the picture height that an object has to have, such as 0.1.',
  }),
};

export const OBJECTS: FeatureKeys<typeof schema, typeof pathSchema> = {
  title: 'Objects',
  schema,
  pathSchema,
  faults: ({ objectsModel, objectsLabels, objectsURL }) => [
    ...(objectsModel !== '' && objectsURL !== ''
      ? [{ key: 'objectsModel', message: 'has no effect with objectsURL: leave one of them empty' }]
      : []),
    ...(objectsModel !== '' && objectsLabels === ''
      ? [{ key: 'objectsLabels', message: 'is empty: objectsModel needs the file with the names of its classes' }]
      : []),
  ],
};
