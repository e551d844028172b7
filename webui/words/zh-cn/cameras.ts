import type { CamerasWords } from '../en/cameras.ts';

export const cameras: CamerasWords = {
  cameras: '摄像头',
  addCamera: '添加摄像头',
  newOnNetwork: (count) => `网络中有 ${count} 个新摄像头`,
  keepsDays: (days) => `保留 ${days} 天`,
  onMotionShort: '有动静时录像',

  name: '名称',
  record: '录像',
  recordAlways: '始终',
  recordMotion: '有动静时',
  recordOff: '关闭',
  keepFor: '保留时长',
  days: (count) => `${count} 天`,
  keepCosts: (used, total) => `约占 ${total} 磁盘中的 ${used}。`,
  sound: '声音',
  soundText: '录制并播放麦克风',
  picture: '画面',
  connection: '连接',
  pauseOrRemove: '暂停或移除',
  appliesAtOnce: '立即生效，画面不中断。',

  remove: (camera) => `移除 ${camera}？`,
  removeTitle: '其录像',
  removeKeep: '到期再删',
  removeDelete: (size) => `立即删除（${size}）`,
  removed: (camera, days) => `已移除 ${camera}，录像再保留 ${days} 天。`,
};
