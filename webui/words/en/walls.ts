/** The layout menu, the order of cameras, and a saved wall. */
export const walls = {
  arrangeAuto: 'Auto',
  arrangeOne: 'One at a time',
  arrangeFour: '2 × 2',
  arrangeNine: '3 × 3',
  layouts: 'Groups and walls',

  orderKeys: 'Move with Alt and the up and down arrow keys.',
  placeOf: (camera: string, place: number, count: number) => `${camera}: ${place} of ${count}`,
  orderSaved: 'Order saved.',

  wallDeleted: 'This wall was deleted',
  wallDeletedText: 'Choose another one from the layout menu on Live.',
  wallEmpty: 'No cameras on this wall',
  wallEmptyText: 'They were removed, or you may not see them.',
  showAll: 'Show all cameras',
};

export type WallsWords = typeof walls;
