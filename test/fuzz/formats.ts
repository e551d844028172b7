import { codecOf } from '../../agent/media/codecs.ts';
import type { Packetize } from '../../agent/media/payload/packetizer.ts';
import type { Track } from '../../agent/media/sample/track.ts';
import { idrPicture, skipPicture, tinyH264 } from '../support/media/tiny-h264.ts';
import { H265_PPS, H265_SPS, H265_UNITS, H265_VPS } from '../support/media/tiny-streams.ts';
import { hex, type Payload, payloadsOf, sampleOf } from '../support/media/units.ts';

/** Frames of ffmpeg's encoders, 48 x 32 pixels or a few milliseconds each. */
const FRAMES = {
  VP8: [
    'sAUAnQEqMAAgAAhHCIWFiIWEiDsCAsR7xyKaDnpYQcm83heyb9aiHVMI4ltvQ56uwCb1pq/ygP65xmzCIriLR/d0/X9efBasD1A/V8ooi3PoDJQM06o2BpsUxaxEXa/lqHAfrowT9MDljlVTpvzKcN70diSYeYNYS+Iu3NvHHQr6yVvy2hdjRn817Nn1fQQGdQETMoSSQODjquNeCohoMnhcnsQuRMe06Sq2c4CLqrJVAA==',
    '0QEAERHYABgAIDgv9AD0ZLDKh8BmHKBQA7AA',
  ],
  VP9: [
    'okmDQuAC8AH2MDgkHBlwAADQfK/14NwPX+vwG7wAAHfasYMB3gY9uFeQqze9rXPhzx5ppIqBqY2sKzo2KT6/6ekSZDLKvSctLai4Y7fDSSAcjykh2Di/bMFWsl6r3qqf37lwCZ6EIZjhf/ToLGdVQm0IQtIinDa0roOo/e7zs/XXOWS9jkeUo4t5rXtcYdcABpVXX//b4Tf//uwP//5pt4vNntUKe///53l47VntUFO+y+a+hRaa4TJGFGyZYC87f7JlgWPyA84z10q+HU3KQhtfM8qlz5UBsgvxF/YAbHSu1AtG/tjEJlaKntMCmY7vWBM3l2nRionlYPYBBO8NombDSo3OlVahHsIyzvCxFwDAA8jjMJCanFVHEmnj949NPnHARRaJG+r5jrpp39cHLp7UL5CXFB7nnBUuSNfo0EAWMaRA9D5lFqjQhXxblHVDLYca58MpWsB2u3vtIB300vcqRXWZC85aUUw1iXn+oaYjQire1ivNhRMywrOcqo6iJm+MW4yyG+MW4y55msJppVzGhJXg3wvxhn07/GhHUquVpBgsf4jgTgw71sgn/iRn86wfxGtOa3cSgfGMMQjJDAA=',
    'pgBAkhwAX+AAAyAAAGOyOvNzpCDywAA=',
  ],
  AV1: [
    'CgwgAAACpf82vkgIaAEy9AMUACkgCCECCS668UE18Lb+0AW84Ujgkefqqx/K6DkJPsSj4Fj78yWuu+LQ7DHTMkyaEe+I11Kc715vC05uR/dc/eaveXU5Z9T3N1gkWH4AS6qxmuSAvoFk48JQ10szo5SmVzx7STQjkRmi4ItyI49EXtSbS+Hz+cT1E9T/ETGb7zPVJwN+emtvapjga8iGUyE1egDPDVC0ZTUgDE8NGploTlLDh8VqPKDMn3meqTgddJvgcH//7T1FeGHE1sodqC7ERMhb5EVHB1Z3hgAAKloXe1OjxUpUOhyvqPYyf/KPam/syZfZ1HfiUJN59DgmNWoWe2297W0xRQILzOJqRAA94/CSb6CFz7Ns8o1lygrjQvNWUiac1pirejRieq8uWDlEVOWZI3cUywz7bbJX4Ll1+Ii9g/cUKJxEVTR8Gzy/oJEICMPRs3dzOSIqD/CZzTbLc4xVBBCM9jjiQlApCEYv/W4g9A76uSKhDVo1wRUQhMMCxIiR1sK0hh7COfZ+03jiaIxi8UcRqHYLjZlpiSGXyaZXW+F3/TBNfq6M9i7Bs0ko2TqvbrTTY3c58Ku+N3sE3LRg+XS3In6umxIFEujT2PVFDGeiuBCrTKvxi08QrU1BBeHMrbewWWyAd4/y58aolMzCmSYH7FY2g+WsWZkX3tf1gA==',
    'MhEyAeBAAAADf8AAAWAAEACt4A==',
  ],
  'MP4V-ES': [
    'AAABsAEAAAG1iRMAAAEAAAABIADEjYgALQGEBBRDAAABskxhdmM1OS4zNy4xMDAAAAGzABAHAAABthGPti/42eflU2hUuloeQl3lGFoZuvxCMfqx676CB/6FbCgrgZn2ymEQ4wjeETwjFx4DAVAkDBPMBkAEgmbJZJT4w/ObXbxCUL4BaoSuDCgsXi30Z+7tD9vyAqozUQJXAAC/my6UbYCvBxUZNeIb+xpIDiK56uW+yztb4Jqp61rWh53l6aXc2RwiHGEZsQNpoHERbzcFZjAeDksBW953i3ASRWZkLOf7znBW2R8Qql6JgHfDNyZbKfYf5DYuCVVO2r+CwMfqRB/9RUEKFoGEPg==',
    'AAABtlPHy9YAAL+Y4eE28aU=',
  ],
  MPV: [
    'AAABswMAIBP//+AYAAABtRSKAAEAAAAAAbgACABAAAABAAAP//gAAAG1j//zQYAAAAEBo/kRN7Ff31hBZL6eFXjwDNPwZtjU7cQ35H178hGh17JNTxjVhpMQAWBoaaEIwrDcR3v5cGEjAL79EhhJwC6/OwYSMAvv0SGEnALrxgB4CJ/yAiABnQGAiACgIiJfzgMRk5O4q+skNHQGp3FEa+OEI0OvSAF6MxMSb8nB26iP7wybs71hoakAPw0pwgISw7jMcFwAAAECo/GgGe/DECi1ighN7whGh15chgMC/v3QTyBe7QQk7/dlWBZMKSh+G5AdaYNxZMLDEgWdk//nZ8YJv42GEjAL79EhhJwC6+aYB0WnPugnkC7BCAqjfZuTiDdwDD8hANwMYAtdnZTHibwEFFIwYwbkszKPOvgkI0OvQAF/wwhY0C6g/XiOTUJ35zD72nATlI7fJJxBufhpZfZIZyhPvtSaSwC0svFfnb4d2xojPA==',
    'AAABAABX//uAAAABtYEf80GAAAABAaKBwDgBnA1gAwAPYCMADvkAQJmiYAPYAHkBCANlE82AAAABAqKBQNEBYeqAB7AwAAwMf/8DUAC1TQaP/yJA0f/1AoAPYCIsBpwqAXQB/AQIEA==',
  ],
  JPEG: [
    '/9j/4AAQSkZJRgABAgAAAQABAAD//gAQTGF2YzU5LjM3LjEwMAD/2wBDAAg+Pkk+SVVVVVVVVWRdZGhoaGRkZGRoaGhwcHCDg4NwcHBoaHBwfHyDg4+Tj4eHg4eTk5ubm7q6srLZ2eD/////xAGiAAABBQEBAQEBAQAAAAAAAAAAAQIDBAUGBwgJCgsBAAMBAQEBAQEBAQEAAAAAAAABAgMEBQYHCAkKCxAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6EQACAQIEBAMEBwUEBAABAncAAQIDEQQFITEGEkFRB2FxEyIygQgUQpGhscEJIzNS8BVictEKFiQ04SXxFxgZGiYnKCkqNTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqCg4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2dri4+Tl5ufo6ery8/T19vf4+fr/wAARCAAgADADASIAAhEAAxEA/9oADAMBAAIRAxEAPwAooooAKKKKACiiigAooooAKKKKACiiigD/2Q==',
  ],
  AC3: [
    'C3f0EwBAL4QrAhv7hw374y/ntBdaMdm6X/BFwOMUrbutmF8vGV4lxFqMqLYiLkdN1HANOAmZRA/cANE8fy5dcvkT58/fPoIjy+fPq7wBj/uuXroOhW1QB7gEYZBFEjvLQBLgtJbUTNC8xQBj/uuXroOhW1QB7gEYZBFEjvLAXUU=',
    'C3efqQBAL4QpA/cANE8fy5dcvkT58/fPoIjy+fPq7wy/ntBLgtJbUTNC8xQBj/uuXroOhW1QB7gEYZBFEjvLQBLgtJbUTNC8xQBj/uuXroOhW1TAg98hw31cCXRoSL2Mzlas/z3EFiye12Zu0xnjNqiU7xALubprh8uQ98AAL7s=',
  ],
  EAC3: [
    'C3cAPzKHwAAhA8gA471Xrw3waefvis/X4bPx8SA13d5hndtc+tEKzfH2J5jtstccKKsjqrr5EyEyEqMqIBRknj+RH8J0+fPobV7XdansN893v0oIyOF0HqQGzIQ2hG2vRL2QyHZOTNHsyFNLH2fovv1RAVZCWMqxmMOfDGQAr/4=',
    'C3cAPzKHwAAABhgBJonj+SJCl8+dJoT57DfZ0qXW+pU1IQbwhAG4s0VgcwVBolE8jsjCexxbG6sKZfmrnXLUNT2C1kLU/S4Sa8pDaDOIRP9BDO+kEjAFoWAUnCxjcytd0JRV2ha//St2zLaOO0Z5LKjvihVc91O8Ds4AAAAAttc=',
  ],
  MPA: [
    '//sUxAAAA+AlVnSQgDCYiKmDNHAAKcbAAnOc5z3+1yMLgmKydubvg+fxAGOD/U6jz/KeH32Yd+/2WeIa9GWLtGWLpkQCGybPps+EIOfB6PDb8bArwkDTfKnVKv134i7o',
    '//sUxAKDxMwrKh3jACCOBWWCumAEKA9MBgCcWAhCgGJhCBamEQhuYpoXhhBgTLxRtTNf4AgyXPzzoJMJBYYEAsYJAEYJhiYwjqYf82YXkcNEgBgPRPVjw4Onch3H1az/',
    '//sUxAMABMRLThmjAAAAADSDgAAE9II6CVmP+jozQtinT/gMmDAL+4gBGkf/n5EGvCoK/g0qTEFNRTMuMTAwqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq',
  ],
} as const;

/** RTP formats with packets of theirs that are good: where damage begins. */
export interface FuzzFormat {
  readonly encoding: string;
  readonly clockRate: number;
  readonly channels: number;
  readonly fmtp: Readonly<Record<string, string>>;
  readonly packets: readonly Payload[];
}

/** Small, so that most frames have a first, a middle and a last packet. */
const MAX_PAYLOAD_BYTES = 200;

const bytesOf = (frames: readonly string[]): Uint8Array[] =>
  frames.map((text) => new Uint8Array(Buffer.from(text, 'base64')));
const whole = (...payloads: readonly string[]): Payload[] =>
  payloads.map((text) => ({ bytes: hex(text), marker: true }));
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

function cut(packetize: Packetize | undefined, samples: readonly Uint8Array[]): Payload[] {
  if (!packetize) {
    throw new Error('no packetizer');
  }
  return samples.flatMap((data) => payloadsOf((sink) => packetize(data, MAX_PAYLOAD_BYTES, true, sink)));
}
/** The packetizers read only the codec of a track. */
const packetizer = (codec: Track['codec']) => codecOf({ codec }).packetize;

const sets = [tinyH264.sps, ...tinyH264.pps];
const h265Sets = [H265_VPS, H265_SPS, H265_PPS].map(hex);
const inBand = (nals: readonly Uint8Array[]): Payload[] => nals.map((bytes) => ({ bytes, marker: false }));
const sound = (bytes: number): Payload[] => [
  { bytes: Uint8Array.from({ length: bytes }, (_, i) => 3 * i), marker: true },
];
const video = (encoding: string, packets: readonly Payload[], fmtp: Record<string, string> = {}): FuzzFormat => ({
  encoding,
  clockRate: 90_000,
  channels: 1,
  fmtp,
  packets,
});
const AAC = { mode: 'AAC-hbr', sizelength: '13', indexlength: '3', indexdeltalength: '3', config: '1210' };

const KLV = [
  { bytes: hex('060e2b34020b01010e01030101000000'), marker: false },
  ...whole('04 02020001', '060e2b34020b01010e01030101000000 02 ffff'),
];

export const FORMATS: readonly FuzzFormat[] = [
  video('H264', [...inBand(sets), ...cut(packetizer('h264'), [idrPicture(40), skipPicture(1), skipPicture(2)])], {
    'sprop-parameter-sets': sets.map(base64).join(','),
  }),
  video('H265', [
    ...inBand(h265Sets),
    ...cut(
      packetizer('h265'),
      H265_UNITS.map(([, nal]) => sampleOf(hex(nal))),
    ),
  ]),
  video('AV1', cut(packetizer('av1'), bytesOf(FRAMES.AV1))),
  video('VP8', cut(packetizer('vp8'), bytesOf(FRAMES.VP8))),
  video('VP9', cut(packetizer('vp9'), bytesOf(FRAMES.VP9))),
  video('JPEG', cut(packetizer('mjpeg'), bytesOf(FRAMES.JPEG))),
  video('MP4V-ES', cut(packetizer('mpeg4-video'), bytesOf(FRAMES['MP4V-ES']))),
  video('MPV', cut(packetizer('mpeg-video'), bytesOf(FRAMES.MPV))),
  video('SMPTE336M', KLV),
  video('SMTPE336M', KLV),
  {
    encoding: 'MPEG4-GENERIC',
    clockRate: 44_100,
    channels: 2,
    fmtp: AAC,
    packets: [
      ...whole(
        '0010 0040 2110042233445566',
        '0020 0040 0010 2110042233445566 21aa',
        'fff150 8001ff fc 2110042233445566',
      ),
      { bytes: hex('0010 0040 21100422'), marker: false },
      ...whole('0010 0040 33445566'),
    ],
  },
  {
    encoding: 'MP4A-LATM',
    clockRate: 24_000,
    channels: 1,
    fmtp: { cpresent: '0', config: '400026103fc0' },
    packets: whole('08 2110042233445566', '03 21aabb'),
  },
  { encoding: 'OPUS', clockRate: 48_000, channels: 2, fmtp: {}, packets: whole('fc aabbccdd', '7b 83 1122334455') },
  {
    encoding: 'MULTIOPUS',
    clockRate: 48_000,
    channels: 6,
    fmtp: { channel_mapping: '0,4,1,2,3,5', num_streams: '4', coupled_streams: '2' },
    packets: whole('fc aabbccdd', '7b 83 1122334455'),
  },
  { encoding: 'PCMA', clockRate: 8_000, channels: 1, fmtp: {}, packets: sound(160) },
  { encoding: 'PCMU', clockRate: 8_000, channels: 2, fmtp: {}, packets: sound(161) },
  { encoding: 'G722', clockRate: 8_000, channels: 1, fmtp: {}, packets: sound(160) },
  ...['G726', 'AAL2-G726'].flatMap((name) =>
    [16, 24, 32, 40].map((bitRate) => ({
      encoding: `${name}-${bitRate}`,
      clockRate: 8_000,
      channels: 1,
      fmtp: {},
      packets: sound(bitRate * 5),
    })),
  ),
  { encoding: 'L8', clockRate: 16_000, channels: 1, fmtp: {}, packets: sound(99) },
  { encoding: 'L16', clockRate: 44_100, channels: 2, fmtp: {}, packets: sound(400) },
  { encoding: 'L24', clockRate: 48_000, channels: 2, fmtp: {}, packets: sound(599) },
  video('MPA', cut(packetizer('mpeg-audio'), bytesOf(FRAMES.MPA))),
  { encoding: 'AC3', clockRate: 48_000, channels: 1, fmtp: {}, packets: cut(packetizer('ac3'), bytesOf(FRAMES.AC3)) },
  {
    encoding: 'EAC3',
    clockRate: 48_000,
    channels: 1,
    fmtp: {},
    packets: cut(packetizer('eac3'), bytesOf(FRAMES.EAC3)),
  },
  video(
    'MP2T',
    whole(`47 4000 10 ${'00'.repeat(184)}`, `47 0100 1f ${'ab'.repeat(184)} 47 0100 10 ${'cd'.repeat(184)}`),
  ),
];
