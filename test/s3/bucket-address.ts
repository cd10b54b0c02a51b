import test from 'ava';
import {bucketAddress, type BucketLocation} from '../../src/s3/bucket-address.ts';

const location = {bucket: 'caches', region: 'eu-west-1', usesPathStyle: false};

const address = test.macro({
	exec(t, changes: Partial<BucketLocation>, expected: string) {
		t.is(bucketAddress({...location, ...changes}).href, expected);
	},
	title: (_, changes: Partial<BucketLocation>, expected: string) => `${JSON.stringify(changes)} is at ${expected}`,
});

test(address, {}, 'https://caches.s3.eu-west-1.amazonaws.com/');
test(address, {region: 'cn-north-1'}, 'https://caches.s3.cn-north-1.amazonaws.com.cn/');
test(address, {bucket: 'with.dots'}, 'https://s3.eu-west-1.amazonaws.com/with.dots/');
test(address, {endpoint: 'https://minio.example:9000/s3'}, 'https://caches.minio.example:9000/s3/');
test(address, {endpoint: 'https://minio.example:9000', usesPathStyle: true}, 'https://minio.example:9000/caches/');
test(address, {endpoint: 'http://[::1]:9000'}, 'http://[::1]:9000/caches/');

const none = test.macro({
	exec(t, changes: Partial<BucketLocation>) {
		const error = t.throws(() => bucketAddress({...location, ...changes}), {code: 'ERR_TSBUILD_S3_ADDRESS'});
		t.false(error.message.includes('secret'));
	},
	title: (_, changes: Partial<BucketLocation>) => `${JSON.stringify(changes)} makes no address`,
});

test(none, {bucket: '../other'});
test(none, {bucket: 'a@evil.example/'});
test(none, {region: 'evil.example/#'});
test(none, {endpoint: 'minio.example:9000'});
test(none, {endpoint: 'https://user:secret@minio.example'});
test(none, {endpoint: 'file:///etc/passwd'});
