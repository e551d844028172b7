import { counter } from '../../grammar/plural.ts';

const countText = counter('en');

/** Settings: groups and walls. */
export const layouts = {
  layoutsHint: 'Rooms, floors, and what a screen shows',
  groups: 'Groups',
  groupsText: 'Cameras of a room or floor, together on Live',
  walls: 'Walls',
  wallsText: 'What one screen shows, with large and small cameras',
  addGroup: 'Add a group',
  addWall: 'Add a wall',
  shows: (cameras: string, count: number) =>
    `${countText(count, { one: 'One camera', other: '# cameras' })}: ${cameras}`,
  showsNone: 'No cameras left',

  name: 'Name',
  groupNameHint: 'For example Ground floor or Garden',
  wallNameHint: 'For example Kitchen screen',
  nameMissing: 'Enter a name.',
  nameTaken: 'Another group or wall has this name.',
  chosen: 'Cameras in order',
  chooseOne: 'Add a camera.',
  boardHint: 'Drag to reorder. Select a camera to change it.',
  boardKeys: 'Move with Alt and the up and down arrow keys, remove with Delete.',
  earlier: 'Move earlier',
  later: 'Move later',
  makeLarge: 'Make large',
  makeSmall: 'Make small',
  takeOut: 'Remove',
  isLarge: (camera: string) => `${camera}, large`,
  isSmall: (camera: string) => `${camera}, small`,
  takenOut: (camera: string) => `${camera} removed`,
  putIn: (camera: string, place: number) => `${camera} added as number ${place}`,
  addCameras: 'Add cameras',
  addAll: 'Add all',
  groupSaves: 'Everyone sees this group with the cameras that they may see.',
  wallSaves: 'Screens that show this wall follow within seconds.',

  copyAddress: 'Copy address for a screen',
  screenText: 'Open it there and log in once, best as a viewer',
  show: 'Show here',
  copied: 'Address copied.',
  notCopied: (address: string) => `Copying is not possible here: ${address}`,

  deleteLayout: (name: string) => `Delete ${name}`,
  deleteGroupText: 'Its cameras stay. Press again to delete.',
  deleteWallText: 'Screens that show it go blank. Press again to delete.',
  deleted: (name: string) => `${name} deleted.`,
  restored: (name: string) => `${name} is back.`,
};

export type LayoutsWords = typeof layouts;
