import { session } from '../api-client/session.ts';
import { peopleWords } from '../words/settings/people.ts';
import type { DeviceRight, PageLoginItem } from './people.ts';

export function rightName(right: DeviceRight): string {
  const t = peopleWords.value;
  return { live: t.deviceLive, recordings: t.deviceRecordings, publish: t.devicePublish, onvif: t.deviceOnvif }[right];
}

const protocolName = (protocol: string): string => (protocol === 'webrtc' ? 'WebRTC' : protocol.toUpperCase());

/** `Logs in with your page password over RTSP from 192.168.1.9`. */
export function pageLoginText({ user, protocol, address }: PageLoginItem): string {
  const t = peopleWords.value;
  const over = protocol === 'playback' ? t.overPlayback : protocolName(protocol);
  return user === session.value?.user ? t.yourPageLogin(over, address) : t.pageLogin(user, over, address);
}
