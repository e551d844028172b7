import { counter } from '../plural.ts';

const many = counter('en');

/** Settings: the list of cameras, and one of them. */
export const cameras = {
  cameras: 'Cameras',
  addCamera: 'Add a camera',
  newOnNetwork: (count: number) =>
    many(count, { one: 'One new camera on your network', other: '# new cameras on your network' }),
  keepsDays: (days: number) => many(days, { one: 'keeps one day', other: 'keeps # days' }),
  onMotionShort: 'on motion',

  name: 'Name',
  record: 'Record',
  recordAlways: 'Always',
  recordMotion: 'On motion',
  recordOff: 'Off',
  keepFor: 'Keep for',
  days: (count: number) => many(count, { one: '1 day', other: '# days' }),
  keepCosts: (used: string, total: string) => `About ${used} of the ${total} disk.`,
  sound: 'Sound',
  soundText: 'Record and play the microphone',
  picture: 'Picture',
  connection: 'Connection',
  pauseOrRemove: 'Pause or remove',
  appliesAtOnce: 'Applies at once. The picture stays live.',

  remove: (camera: string) => `Remove ${camera}?`,
  removeTitle: 'Its recordings',
  removeKeep: 'Keep until they are too old',
  removeDelete: (size: string) => `Delete now (${size})`,
  removed: (camera: string, days: number) =>
    many(days, {
      one: `${camera} removed. Its recordings stay for one day.`,
      other: `${camera} removed. Its recordings stay for # days.`,
    }),
};

export type CamerasWords = typeof cameras;
