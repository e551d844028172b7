import type { WallsWords } from '../en/walls.ts';

export const walls: WallsWords = {
  arrangeAuto: '自动',
  arrangeOne: '单画面',
  arrangeFour: '2 × 2',
  arrangeNine: '3 × 3',
  layouts: '分组和监控墙',

  orderKeys: '按 Alt 加上下方向键移动。',
  placeOf: (camera, place, count) => `${camera}：第 ${place} 个，共 ${count} 个`,
  orderSaved: '顺序已保存。',

  wallDeleted: '此监控墙已被删除',
  wallDeletedText: '请在实时页面的布局菜单中选择其他监控墙。',
  wallEmpty: '此监控墙没有摄像头',
  wallEmptyText: '摄像头已被移除，或您无权查看。',
  showAll: '显示全部摄像头',
};
