import type { ReasonsWords } from '../en/reasons.ts';

export const reasons: ReasonsWords = {
  savedUntilRestart: '已生效，但未保存，重启后失效。',
  savedLater: '主机恢复连接后自动保存。',
  unknownOutcome: '主机没有应答。请先看看是否已生效，再重试。',
  paused: '摄像头已暂停。',
  busy: '主机正在处理。',
  taken: '此名称已被使用。',
  limit: '数量已达上限。',
  byVariable: '此项由环境变量设定。',
  notWritten: '主机无法写入设置。',
  brokenFile: '配置文件中有错误，需先改正。',
  openFile: '打开文件',
  forOwner: '只有管理员可以这样做。',
  gone: '它已经不存在了。',
  tooSlow: '未及时收到应答。',
  itsFault: '主机处理失败，原因见日志。',

  changedMeanwhile: '刚才有人修改了这里。',
  changedBy: (name, when, what) => `${name} 修改了这里${when && `（${when}）`}：${what}`,
  changedByMe: (when, what) => `您在另一个窗口修改了这里（${when}）：${what}`,
  justNow: '刚刚',
  someoneElse: '其他人',
  takeTheirs: '采用对方的',
  keepMine: '保留我的',
};
