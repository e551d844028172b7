import type { OnvifWords } from './en.ts';

export const zhCn: OnvifWords = {
  hint: '其他录像机可显示您的摄像头，包括不支持 ONVIF 的。',
  on: '提供摄像头',
  find: '录像机可自动发现摄像头',
  recorders: (count) => `接收事件的录像机：${count} 台。`,
  test: '测试',
  good: '没有发现问题。',
  noPassword: '录像机还无法登录，请创建一个允许 ONVIF 的设备密码。',
  unannounced: '录像机找不到摄像头：UDP 端口 3702 被占用或阻止，请用地址添加。',
  noPort: (camera, why) => `${camera}：无法打开它的端口。${why}`,
  refused: (user, address, reason) => `最近一次被拒绝的登录：${user}，来自 ${address}。${reason}`,
  wrong: '用户名或密码错误，只能使用设备密码。',
  rights: '该设备密码缺少此摄像头的 ONVIF 权限，或获取录像所需的“录像”权限。',
  clock: '录像机的时钟相差超过 5 分钟。',
  clear: '录像机以明文发送了密码，请改用摘要认证。',
  replay: '录像机重复发送了同一登录信息。',
};
