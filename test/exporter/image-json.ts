import test from 'ava';
import {encodeImageConfig, encodeManifest} from '../../src/exporter/image-json.ts';
import {digestOf} from '../../src/kernel/digest.ts';

test('a config is written with the order of fields and the escapes of Go', t => {
	const bytes = encodeImageConfig({
		os: 'linux',
		architecture: 'amd64',
		rootfs: {diff_ids: null, type: 'layers'},
		created: null,
		history: [{comment: 'c', created_by: 'RUN a > b && c', empty_layer: true}],
		config: {
			ArgsEscaped: true,
			Labels: {b: '2', a: '1'},
			Cmd: ['sh'],
			Env: ['PATH=/bin'],
		},
	});
	t.is(bytes.toString(), [
		'{"architecture":"amd64"',
		'"config":{"Env":["PATH=/bin"],"Cmd":["sh"],"Labels":{"a":"1","b":"2"},"ArgsEscaped":true}',
		'"created":null',
		String.raw`"history":[{"created_by":"RUN a \u003e b \u0026\u0026 c","comment":"c","empty_layer":true}]`,
		'"os":"linux"',
		'"rootfs":{"type":"layers","diff_ids":null}}',
	].join(','));
});

test('a manifest is indented by two spaces', t => {
	const bytes = encodeManifest({
		schemaVersion: 2,
		mediaType: 'm',
		config: {mediaType: 'c', digest: digestOf(''), size: 1},
		layers: [],
	});
	t.is(bytes.toString(), `{
  "schemaVersion": 2,
  "mediaType": "m",
  "config": {
    "mediaType": "c",
    "digest": "${digestOf('')}",
    "size": 1
  },
  "layers": []
}`);
});
