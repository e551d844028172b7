import { expect, test } from 'vitest';
import {
  DOOR,
  FakeSource,
  FakeStore,
  soapRequest,
  token,
} from '../../../../test/features/onvif-device/support/onvif-device-harness.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { writeProbe } from '../../../onvif/discovery/probe.ts';
import { recordingServices } from '../recordings/recording-service.ts';
import { deviceOperations } from './device-service.ts';
import { parseProbe } from './discovery/discovery-messages.ts';
import { EventSender } from './event-sender.ts';
import { eventOperations } from './event-service.ts';
import { Logins } from './login.ts';
import { mediaOperations } from './media-service.ts';
import { media2Operations } from './media2-service.ts';
import { ptzLookup } from './ptz-configuration.ts';
import { ptzOperations } from './ptz-service.ts';
import { PullPoints } from './pull-points.ts';
import { parseRequest } from './soap.ts';

const BODIES = [
  '<tds:GetServices><tds:IncludeCapability>true</tds:IncludeCapability></tds:GetServices>',
  '<tds:GetCapabilities><tds:Category>Media</tds:Category></tds:GetCapabilities>',
  '<trt:GetStreamUri><trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>UDP</tt:Protocol></tt:Transport></trt:StreamSetup><trt:ProfileToken>main</trt:ProfileToken></trt:GetStreamUri>',
  '<tr2:GetProfiles><tr2:Token>sub</tr2:Token><tr2:Type>VideoEncoder</tr2:Type></tr2:GetProfiles>',
  '<tev:CreatePullPointSubscription><tev:Filter><wsnt:TopicExpression>tns1:RuleEngine//.</wsnt:TopicExpression></tev:Filter><tev:InitialTerminationTime>PT60S</tev:InitialTerminationTime></tev:CreatePullPointSubscription>',
  '<wsnt:Subscribe><wsnt:ConsumerReference><wsnt:Address>http://127.0.0.1/</wsnt:Address></wsnt:ConsumerReference></wsnt:Subscribe>',
  '<trc:GetTrackConfiguration><trc:RecordingToken>main</trc:RecordingToken><trc:TrackToken>video0</trc:TrackToken></trc:GetTrackConfiguration>',
  '<tse:FindRecordings><tse:Scope><tt:IncludedRecordings>main</tt:IncludedRecordings><tt:RecordingInformationFilter>boolean(//Track[TrackType = "Video"])</tt:RecordingInformationFilter></tse:Scope><tse:MaxMatches>5</tse:MaxMatches><tse:KeepAliveTime>PT10S</tse:KeepAliveTime></tse:FindRecordings>',
  '<tse:FindEvents><tse:StartPoint>1970-01-01T00:00:00Z</tse:StartPoint><tse:EndPoint>1970-01-01T00:10:00Z</tse:EndPoint><tse:Scope/><tse:SearchFilter><wsnt:TopicExpression>tns1:RecordingHistory//.</wsnt:TopicExpression></tse:SearchFilter><tse:IncludeStartState>true</tse:IncludeStartState><tse:KeepAliveTime>PT10S</tse:KeepAliveTime></tse:FindEvents>',
  '<tse:GetMediaAttributes><tse:RecordingTokens>main</tse:RecordingTokens><tse:Time>1970-01-01T00:05:00Z</tse:Time></tse:GetMediaAttributes>',
  '<tse:GetEventSearchResults><tse:SearchToken>00</tse:SearchToken><tse:MaxResults>7</tse:MaxResults><tse:WaitTime>PT1S</tse:WaitTime></tse:GetEventSearchResults>',
  '<trp:GetReplayUri><trp:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream></trp:StreamSetup><trp:RecordingToken>sub</trp:RecordingToken></trp:GetReplayUri>',
  '<trp:SetReplayConfiguration><trp:Configuration><tt:SessionTimeout>PT60S</tt:SessionTimeout></trp:Configuration></trp:SetReplayConfiguration>',
  '<tptz:ContinuousMove><tptz:ProfileToken>main</tptz:ProfileToken><tptz:Velocity><tt:PanTilt x="0.5" y="-1"/></tptz:Velocity><tptz:Timeout>PT0S</tptz:Timeout></tptz:ContinuousMove>',
];

test('damaged requests and probes end in an answer or a fault', async () => {
  const next = random(29);
  const source = new FakeSource();
  const clock = new FakeClock();
  const stop = new AbortController();
  const points = new PullPoints(source, clock);
  const sender = new EventSender({
    ...{ points, clock, log: silentLogger, signal: stop.signal, isPermitted: () => false },
  });
  const lookup = ptzLookup(source.ptz, clock);
  const logins = new Logins(clock);
  const operations = {
    ...deviceOperations({ source, clock, perch: '0123456789' }),
    ...mediaOperations(source, lookup),
    ...media2Operations(source, lookup),
    ...eventOperations({ clock, points, sender }),
    ...recordingServices({ source, store: new FakeStore(), clock }),
    ...ptzOperations({ source, lookup, clock, log: silentLogger, signal: stop.signal }),
  };
  const seeds = BODIES.map((body) => Buffer.from(soapRequest(body, token())));
  let answered = 0;
  for (let i = 0; i < 4_000; i += 1) {
    const bytes = mutate(seeds[i % seeds.length] ?? Buffer.alloc(0), next);
    try {
      const { operation, body, header } = parseRequest(bytes);
      logins.ofToken(header)?.proves('abcd');
      const call = { camera: DOOR, body, origin: 'http://127.0.0.1:1', host: '127.0.0.1', subscription: undefined };
      const known = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
      answered +=
        (await known?.answer({
          ...call,
          user: 'recorder',
          requirePlayback: () => {},
          ip: undefined,
          signal: stop.signal,
        })) === undefined
          ? 0
          : 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(answered).toBeGreaterThan(500);
  const probe = Buffer.from(writeProbe('tds:Device').text);
  for (let i = 0; i < 2_000; i += 1) {
    try {
      parseProbe(mutate(probe, next));
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  stop.abort();
  points.close();
});
