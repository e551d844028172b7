import type { ForwardsWords } from '../../en/settings/forwards.ts';

export const forwards: ForwardsWords = {
  forwarding: '转发',
  forwardingHint: '摄像头在线时，其他服务器会收到这路视频流。网络更快的服务器可以供更多人观看。',
  noServer: '尚未转发到任何服务器',
  servers: (count) => `转发到 ${count} 个服务器`,
  someFail: (failing, count) => `${count} 个服务器中有 ${failing} 个无法连接`,

  sending: (size) => `正在发送，已发送 ${size}`,
  notSending: '未在发送：摄像头离线、由另一台服务器发送，或正在连接',
  noConnection: '无法连接，每隔几秒重试',
  failed: (why) => `未在发送，每隔几秒重试：${why}`,

  addServer: '添加服务器',
  address: '地址',
  addressHint: '以 rtsp、rtmp、srt 或 whip 开头，例如 rtsp://user:password@media.example:8554/door',
  addressEmpty: '请输入服务器地址。',
  token: '令牌',
  tokenHint: '仅在服务器要求时填写。',
  sendsAtOnce: '立即开始发送。密码和密钥之后不再显示。',
  add: '添加',
  added: '已添加服务器。',

  removeServer: '移除此服务器',
  removeText: '它将不再收到视频流。再按一次即移除。',
  removed: '已移除服务器。',
};
