import type { SystemWords } from '../en/system.ts';

export const system: SystemWords = {
  system: '系统',
  runsWell: '运行良好',
  worksHard: '负荷较高',
  lookAtThis: '有一件事请留意',
  runningFor: (time) => `已连续运行 ${time}。`,
  processor: '处理器',
  memory: '内存',
  temperature: '温度',
  network: '网络',
  clock: '时钟',
  version: '版本',
  ofTotal: (used, total) => `${used} / ${total}`,

  weakPower: (when) => `${when} 供电不足。`,
  weakPowerText: '电源带不动磁盘。请换用 5 V 3 A 的电源。',
  tooHot: (degrees) => `设备温度高（${degrees} °C），已降速。`,
  tooHotText: '请改善散热。',
  clockUnsure: '设备尚未获得准确时间。',
  clockUnsureText: '获得后会自动校正录像时间。',
  powerCut: (from, to) => `设备在 ${from} 至 ${to} 断电。`,
  powerCutText: (seconds) => `断电前最后 ${seconds} 秒可能缺失。`,

  updateReady: (version) => `Perch ${version} 可以更新。`,
  updatePause: (seconds) => `录像会暂停约 ${seconds} 秒。`,
  update: '更新',
  updateDone: (version) => `已更新到 Perch ${version}。`,
  updateFailed: '更新未成功，旧版本继续运行，没有任何丢失。',

  log: '日志',
  backup: '备份与恢复',
  file: '配置文件',
  forExperts: '供专业人员使用',
  restart: '重新启动',
};
