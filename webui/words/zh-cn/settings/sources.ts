import type { SourceWords } from '../../en/settings/sources.ts';

export const sources: SourceWords = {
  source: '视频来源',
  sourceAddress: '地址',
  addressHint: '以 rtsp、rtmp、srt、whep、udp+mpegts、udp+rtp 或 http（HLS）开头。',
  loginHidden: '用户名和密码不显示，修改地址时请重新填写。',
  empty: '留空：等待其他程序推流。',
  published: '由其他程序推流',
  addressWrong: '请填写以 rtsp、rtmp、srt、whep、udp+mpegts、udp+rtp 或 http 开头的地址。',
  sdp: '描述（SDP）',
  sdpHint: '由发送程序提供；FFmpeg 可用 -sdp_file 生成。',
  sdpMissing: 'RTP 需要填写描述。',
  lowResolution: '低分辨率视频来源',

  test: '测试',
  testing: '正在测试…',
  testText: '连接几秒钟，暂不保存。',
  works: (came) => `测试成功：${came}`,
  saveText: '画面和录像会短暂中断。',
  saveUntested: '测试未通过，仍然保存',
  addUntested: '仍然添加',
  notTested: '未测试',
  rejected: '主机不接受此地址。',

  whyPassword: '对方不接受此用户名或密码。',
  whyNoStream: '此地址没有视频流。',
  whyNoRoom: '对方已无法接受更多连接。',
  whySilent: '没有应答。请检查地址，并确认对方已开启。',
  whyNotSupported: '对方发送的格式都不受支持。',
  nothingSent: '没有收到数据。请先启动发送程序，再测试。',
  other: (why) => `没有画面：${why}`,
};
