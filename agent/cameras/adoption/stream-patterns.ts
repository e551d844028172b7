/** Stream addresses of a maker's cameras. `{user}` and `{password}` stand for the camera's own. */
export interface StreamPattern {
  readonly makers: string;
  readonly main: string;
  readonly sub: string | undefined;
}

/** Usual RTSP ports: RTSP's own, those of Tuya and XM boards, and Foscam's. */
export const STREAM_PORTS: readonly number[] = [554, 8554, 10_554, 88];

/** Likeliest first, tried one a second. Without UniFi Protect, whose addresses end in a random token. */
const ROWS: readonly (readonly [makers: string, main: string, sub?: string])[] = [
  ['Hikvision, HiLook, HiWatch, Annke, LTS, Ezviz', '/Streaming/Channels/101', '/Streaming/Channels/102'],
  ['Dahua, Amcrest, Lorex, Imou', '/cam/realmonitor?channel=1&subtype=0', '/cam/realmonitor?channel=1&subtype=1'],
  ['Reolink', '/Preview_01_main', '/Preview_01_sub'],
  ['TP-Link, Tapo, VIGI', '/stream1', '/stream2'],
  ['Reolink (older)', '/h264Preview_01_main', '/h264Preview_01_sub'],
  ['Reolink (older, 8 MP)', '/h265Preview_01_main', '/h264Preview_01_sub'],
  ['Uniview, Sony', '/media/video1', '/media/video2'],
  ['Axis', '/axis-media/media.amp?videocodec=h264', '/axis-media/media.amp?videocodec=h264&resolution=640x360'],
  ['Hikvision (older), Annke', '/h264/ch1/main/av_stream', '/h264/ch1/sub/av_stream'],
  ['Hanwha, Samsung', '/profile2/media.smp', '/profile3/media.smp'],
  [
    'XM, XMEye',
    '/user={user}&password={password}&channel=1&stream=0.sdp',
    '/user={user}&password={password}&channel=1&stream=1.sdp',
  ],
  [
    // tlJwpbo6 is XM's hash of an empty password.
    'XM, XMEye (no password)',
    '/user=admin_password=tlJwpbo6_channel=1_stream=0.sdp?real_stream',
    '/user=admin_password=tlJwpbo6_channel=1_stream=1.sdp?real_stream',
  ],
  ['CamHi, Hi3516', '/ch0_0.264', '/ch0_1.264'],
  ['CamHi, Hi3516 (other)', '/11', '/12'],
  ['Foscam', '/videoMain', '/videoSub'],
  ['Bosch', '/rtsp_tunnel?inst=1', '/rtsp_tunnel?inst=2'],
  ['Vivotek', '/live1s1.sdp', '/live1s2.sdp'],
  ['Vivotek (older)', '/live.sdp', '/live2.sdp'],
  ['D-Link', '/live1.sdp', '/live2.sdp'],
  ['i-PRO, Panasonic', '/MediaInput/h264/stream_1', '/MediaInput/h264/stream_2'],
  ['Uniview (older)', '/unicast/c1/s0/live', '/unicast/c1/s1/live'],
  ['Grandstream', '/0', '/4'],
  ['Mobotix', '/mobotix.h264', '/stream1/mobotix.h264'],
  ['Avycon', '/profile1', '/profile2'],
  ['Sonoff', '/av_stream/ch0', '/av_stream/ch1'],
  ['yi-hack', '/ch0_0.h264', '/ch0_1.h264'],
  ['thingino', '/ch0', '/ch1'],
  ['OpenIPC', '/stream=0', '/stream=1'],
  ['Eufy', '/live0'],
  ['Wyze', '/live'],
  ['others', '/live/ch0', '/live/ch1'],
  ['others', '/h264'],
  ['others', '/video1', '/video2'],
  ['others', '/1', '/2'],
  ['others', '/onvif1', '/onvif2'],
];

export const STREAM_PATTERNS: readonly StreamPattern[] = ROWS.map(([makers, main, sub]) => ({ makers, main, sub }));

/** All patterns, those of this maker first. @param maker from a person or the camera: `reolink`, `TP-Link Tapo C200` */
export function patternsFor(maker = ''): readonly StreamPattern[] {
  const words = maker.toLowerCase().match(/[a-z0-9-]{2,}/g) ?? [];
  const isTheirs = ({ makers }: StreamPattern): boolean => {
    const names: readonly string[] = makers.toLowerCase().match(/[a-z0-9-]+/g) ?? [];
    return words.some((word) => names.includes(word));
  };
  return [...STREAM_PATTERNS.filter(isTheirs), ...STREAM_PATTERNS.filter((pattern) => !isTheirs(pattern))];
}

/** Inserts user and password into the address if it has placeholders. */
export const withLogin = (address: string, user = '', password = ''): string =>
  address.replaceAll('{user}', encodeURIComponent(user)).replaceAll('{password}', encodeURIComponent(password));
