/** Settings: the address that a camera's video comes from, and its test. */
export const sources = {
  source: 'Source',
  sourceAddress: 'Address',
  addressHint: 'Starts with rtsp, rtmp, srt, whep, udp+mpegts, udp+rtp or http (HLS).',
  loginHidden: 'User name and password are hidden. Enter them again when you change the address.',
  empty: 'Empty: the box waits for a program that publishes.',
  published: 'A program publishes',
  addressWrong: 'Enter an address that starts with rtsp, rtmp, srt, whep, udp+mpegts, udp+rtp or http.',
  sdp: 'Description (SDP)',
  sdpHint: 'The sending program shows it. FFmpeg writes it with -sdp_file.',
  sdpMissing: 'RTP needs a description.',
  lowResolution: 'Low-resolution source',

  test: 'Test',
  testing: 'Testing…',
  testText: 'Connects for a few seconds. Nothing is saved yet.',
  works: (came: string) => `It works: ${came}`,
  saveText: 'Live video and recording pause for a moment.',
  saveUntested: 'Save without a working test',
  addUntested: 'Add it anyway',
  notTested: 'Not tested',
  rejected: 'The box does not accept this address.',

  whyPassword: 'It rejects the user name or password.',
  whyNoStream: 'There is no video at this address.',
  whyNoRoom: 'It accepts no more viewers.',
  whySilent: 'No answer. Check the address, and whether the other end is on.',
  whyNotSupported: 'It sends only formats that the box does not support.',
  nothingSent: 'Nothing was received. Start the sending program, then test again.',
  other: (why: string) => `No video: ${why}`,
};

export type SourceWords = typeof sources;
