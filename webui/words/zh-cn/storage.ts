import type { StorageWords } from '../en/storage.ts';

export const storage: StorageWords = {
  storage: '存储',
  days: (count) => `${count} 天`,
  howFarBack: '按目前速度可保存的录像时长。空间不足时先删最旧的；受保护的片段保留。',
  usedOf: (used, total) => `已用 ${used}，共 ${total}`,
  freeOf: (free, total) => `可用 ${free}，共 ${total}`,
  roomLeft: (percent) => `剩余 ${percent}`,
  aDay: (size) => `每天 ${size}`,
  wantedAndFit: (wanted, fit) => `想保留 ${wanted} 天，只够 ${fit} 天`,
  disks: '磁盘',
  otherDisk: '换一个磁盘录像',
  otherDiskText: '新磁盘上的内容不会被删除。旧录像仍在原磁盘，接着就能看。',

  nearlyFull: (days) => `${days} 天后将开始删除最旧的录像，属正常现象。`,
  diskFull: '磁盘已满，录像已停止。',
  diskFullText: '实时画面不受影响。',
  makeRoom: '腾出空间',
  diskGone: '找不到磁盘，录像已停止。',
  diskGoneText: '接回磁盘后会自动继续。',
  diskFailing: '磁盘报告有故障。',
  diskFailingText: '请尽快备份重要内容并更换。',
  cardWorn: (percent) => `SD 卡已磨损 ${percent}。`,
  cardWornText: '建议改用 USB 磁盘录像，更耐用。',
};
