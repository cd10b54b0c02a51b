import test from 'ava';
import {insecureCacheRegistries, readCacheFrom, readCacheTo} from '../../src/cli/cache-option.ts';

const context = {environment: {}, buildArgs: new Map<string, string>()};

const encoding = {
	mode: 'min', compression: 'gzip', forceCompression: false, mediaTypes: 'oci', isImageManifest: true, ignoresErrors: false,
} as const;

const takes = test.macro({
	exec(t, text: string, expected: unknown) {
		t.deepEqual(readCacheFrom([text], context), expected as ReturnType<typeof readCacheFrom>);
	},
	title: (_, text: string) => `--cache-from ${text}`,
});

test(takes, 'user/app:cache', [{type: 'registry', reference: 'user/app:cache', takesMounts: false}]);
test(takes, 'one,two', [{type: 'registry', reference: 'one', takesMounts: false}, {type: 'registry', reference: 'two', takesMounts: false}]);
test(takes, 'type=registry,ref=user/app:cache,mounts=true', [{type: 'registry', reference: 'user/app:cache', takesMounts: true}]);
test(takes, 'TYPE=local,src=dir', [{
	type: 'local', directory: 'dir', tag: 'latest', takesMounts: false,
}]);
test(takes, 'NO REFERENCE', [{type: 'registry', reference: 'NO REFERENCE', takesMounts: false}]);
test(takes, 'type=gha', []);
test(takes, 'type=nope', [{
	type: 'unusable', name: 'nope', reason: 'unknown cache importer: nope', takesMounts: false,
}]);
test(takes, 'type=s3,region=r', [{
	type: 'unusable', name: 's3', reason: 'failed to configure s3 cache importer: bucket ($AWS_BUCKET) not set for s3 cache', takesMounts: false,
}]);

const writes = test.macro({
	exec(t, text: string, expected: unknown) {
		t.deepEqual(readCacheTo([text], context), expected as ReturnType<typeof readCacheTo>);
	},
	title: (_, text: string) => `--cache-to ${text}`,
});

test(writes, 'user/app:cache', [{type: 'registry', reference: 'user/app:cache', ...encoding}]);
test(writes, 'type=inline', [{type: 'inline'}]);
test(writes, 'type=registry,ref=a,mode=max,ignore-error=true', [{
	type: 'registry', reference: 'a', ...encoding, mode: 'max', ignoresErrors: true,
}]);
test(writes, 'type=registry,ref=a,mode=zip', [{type: 'registry', reference: 'a', ...encoding}]);
test(writes, 'type=registry,ref=a,oci-mediatypes=false', [{
	type: 'registry', reference: 'a', ...encoding, mediaTypes: 'docker', isImageManifest: false,
}]);
test(writes, 'type=registry,ref=a,compression=zstd,compression-level=3,force-compression=true', [{
	type: 'registry', reference: 'a', ...encoding, compression: 'zstd', level: 3, forceCompression: true,
}]);
test(writes, 'type=local,dest=dir,tag=t,reset=true,mounts=true,mounts-max-size=2m', [{
	type: 'local', directory: 'dir', tag: 't', isReset: true, ...encoding, mountsMaximumSize: 2 * 1024 * 1024,
}]);

test('what the attributes of a bucket do not say the variables of AWS do', t => {
	const environment = {
		AWS_BUCKET: 'b', AWS_REGION: 'r', AWS_ENDPOINT_URL: 'http://host', AWS_ACCESS_KEY_ID: 'theirs', AWS_SECRET_ACCESS_KEY: 'very secret', AWS_SESSION_TOKEN: 'of theirs',
	};
	const read = (attributes: string) => {
		const [option] = readCacheTo([`type=s3${attributes}`], {...context, environment});
		return option?.type === 's3' ? option : undefined;
	};

	const plain = read('');
	t.like(plain, {
		location: {
			bucket: 'b', region: 'r', endpoint: 'http://host', usesPathStyle: false,
		},
		prefix: '', blobsPrefix: 'blobs/', manifestsPrefix: 'manifests/', names: ['buildkit'], touchMilliseconds: 86_400_000, uploadParallelism: 4, attempts: 5, ...encoding,
	});
	t.is(plain?.credentials?.sessionToken, 'of theirs');
	t.false(JSON.stringify(plain).includes('secret'));
	const own = read(',"name=a;b",touch_refresh=1h,access_key_id=mine,secret_access_key=x,use_path_style=true');
	t.like(own, {names: ['a', 'b'], touchMilliseconds: 3_600_000, location: {usesPathStyle: true}});
	t.is(own?.credentials?.accessKeyId, 'mine');
	t.is(own?.credentials?.sessionToken, undefined);
});

test('the build argument for a cache in the image counts once', t => {
	const buildArgs = new Map([['BUILDKIT_INLINE_CACHE', '1']]);
	t.deepEqual(readCacheTo([], {...context, buildArgs}), [{type: 'inline'}]);
	t.deepEqual(readCacheTo(['type=inline'], {...context, buildArgs}), [{type: 'inline'}]);
	t.deepEqual(readCacheTo([], {...context, buildArgs: new Map([['BUILDKIT_INLINE_CACHE', '0']])}), []);
});

const refuses = test.macro({
	exec(t, text: string, message: string) {
		t.throws(() => readCacheTo([text], context), {message});
	},
	title: (_, text: string) => `--cache-to ${text} is refused`,
});

test(refuses, 'type=nope', 'failed to solve: unknown cache exporter: "nope"');
test(refuses, 'type=local', 'local cache exporter requires dest');
test(refuses, 'type=registry', 'failed to solve: missing ref');
test(refuses, 'type=registry,ref=UPPER', 'failed to solve: failed to parse image reference "UPPER": repository name must be lowercase');
test(refuses, 'mode=max,ref=a', 'type required form> "mode=max,ref=a"');
test(refuses, 'type=registry,bare', 'invalid value bare');
test(refuses, 'type=registry,ref=a,compression=lzma', 'failed to solve: unsupported compression type lzma');
test(refuses, 'type=registry,ref=a,ignore-error=maybe', 'failed to solve: non-bool value specified for ignore-error: strconv.ParseBool: parsing "maybe": invalid syntax');
test(refuses, 'type=registry,ref=a,oci-mediatypes=false,image-manifest=true', 'failed to solve: invalid configuration for remote cache: OCI mediatypes are required for image-manifest cache format');

test(refuses, 'type=s3,bucket=b', 'failed to solve: failed to configure s3 cache exporter: region ($AWS_REGION) not set for s3 cache');
test(refuses, 'type=s3,bucket=b,region=r,retry_mode=never', 'failed to solve: failed to configure s3 cache exporter: retry_mode must be "standard" or "adaptive"');
test(refuses, 'type=s3,bucket=b,region=r,retry_max_attempts=0', 'failed to solve: failed to configure s3 cache exporter: retry_max_attempts must be a positive integer');

test('registries that may be insecure are told', t => {
	t.deepEqual(insecureCacheRegistries(['type=registry,ref=host:5000/a,registry.insecure=true', 'type=registry,ref=other/a', 'type=local,src=x']), ['host:5000']);
});
