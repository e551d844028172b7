import { counter } from '../../grammar/plural.ts';

const countText = counter('en');

/** Privacy masks of a camera. */
export const masks = {
  title: 'Privacy masks',
  text: 'The camera itself covers these areas, in live video and new recordings. Earlier recordings stay as they are.',
  hint: 'Drag on the picture to draw a mask. Drag a mask to move it, or a corner to change its size. On a keyboard, arrow keys move a mask, and with Shift they change its size.',
  none: 'No masks yet.',
  off: 'None',
  count: (count: number) => countText(count, { one: 'One mask', other: '# masks' }),
  mask: (number: number) => `Mask ${number}`,
  place: (left: number, top: number, width: number, height: number) =>
    `${left}% from the left, ${top}% from the top, ${width}% wide, ${height}% high`,
  covers: (percent: number) => `Covers ${percent}% of the picture`,
  isOff: 'Turned off in the camera',
  add: 'Add a mask',
  save: 'Save mask',
  saving: 'Saving in the camera…',
  saved: 'Mask saved.',
  remove: 'Remove',
  removeNumbered: (number: number) => `Remove mask ${number}`,
  removed: 'Mask removed.',
  full: (count: number) => `The camera has no room for more than ${count}. Remove one to add another.`,
};

export type MasksWords = typeof masks;
