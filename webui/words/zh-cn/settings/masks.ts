import type { MasksWords } from '../../en/settings/masks.ts';

export const masks: MasksWords = {
  title: '隐私遮挡',
  text: '这些区域由摄像头自身遮挡，对实时画面和新录像有效，之前的录像不变。',
  hint: '在画面上拖动可绘制遮挡。拖动遮挡可移动，拖动角可改变大小。使用键盘时，方向键移动遮挡，按住 Shift 改变大小。',
  none: '尚无遮挡。',
  off: '无',
  count: (count) => `${count} 个遮挡`,
  mask: (number) => `遮挡 ${number}`,
  place: (left, top, width, height) => `距左 ${left}%，距上 ${top}%，宽 ${width}%，高 ${height}%`,
  covers: (percent) => `遮挡画面的 ${percent}%`,
  isOff: '已在摄像头中关闭',
  add: '添加遮挡',
  save: '保存遮挡',
  saving: '正在保存到摄像头…',
  saved: '遮挡已保存。',
  remove: '移除',
  removeNumbered: (number) => `移除遮挡 ${number}`,
  removed: '遮挡已移除。',
  full: (count) => `摄像头最多支持 ${count} 个遮挡，移除一个后才能添加。`,
};
