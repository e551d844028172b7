import Type from 'typebox';
import type { FeatureKeys } from '../../config/schema/feature-keys.ts';

const Areas = (syntax: 'zone' | 'polygon', description: string) =>
  Type.Array(Type.String({ syntax }), { default: [], isLive: true, maxItems: 16, description });

const pathSchema = {
  motionSource: Type.Enum(['camera', 'stream', 'both'], {
    default: 'camera',
    isLive: true,
    description: 'Where events of motion come from: the camera (ONVIF), the stream (H.264, H.265), or both.',
  }),
  motionSensitivity: Type.Integer({
    minimum: 0,
    maximum: 100,
    default: 50,
    isLive: true,
    description: 'With motionSource: stream or both, how little motion makes an event.',
  }),
  motionZones: Areas(
    'zone',
    'Areas in which motion of the stream counts, such as "Drive: 0.1,0.2 0.5,0.2 0.5,0.9": a name if you like, and corners as x,y in shares of the picture. Empty = everywhere.',
  ),
  motionMasks: Areas(
    'polygon',
    'Areas in which motion of the stream never counts, such as a tree or the time. In the form of motionZones, without names.',
  ),
  motionMinSize: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 0,
    isLive: true,
    description: 'Share of the picture that the box around what moves in the stream has to have, such as 0.01.',
  }),
  motionHours: Type.String({
    default: '',
    isLive: true,
    syntax: 'hours',
    description:
      'Hours in which motion of the stream counts, such as 22:00-06:00, in timetableZone. Empty, or the same time twice = always.',
  }),
};

/** Of a path: which motion in its stream makes events. */
export const MOTION: FeatureKeys<Record<never, never>, typeof pathSchema> = { title: 'Motion', schema: {}, pathSchema };
