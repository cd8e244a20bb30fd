BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE approvals (
	id INTEGER NOT NULL, 
	batch INTEGER NOT NULL, 
	who TEXT NOT NULL, 
	at_utc TEXT NOT NULL, 
	decision TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	note TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "approvals" VALUES(1,1,'Mei','2026-11-21T00:00:00.000000+00:00','approved','5b54e79d8ce0c9c8c769ac9e581a1020fc0bae26cd57f0dc31a4882500a880aa','');
CREATE TABLE attempts (
	id TEXT NOT NULL, 
	n INTEGER NOT NULL, 
	batch INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	epoch INTEGER NOT NULL, 
	robot TEXT NOT NULL, 
	protocol_hash TEXT NOT NULL, 
	csv TEXT NOT NULL, 
	list_hash TEXT NOT NULL, 
	protocol_id TEXT NOT NULL, 
	file_id TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	t0_s FLOAT, 
	"plan" TEXT NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_attempts_t0_s CHECK (abs(t0_s) < 1000000000000000), 
	CONSTRAINT uq_attempts_n UNIQUE (n)
);
INSERT INTO "attempts" VALUES('blue-465-a001-451fceb4',1,1,'VERIFY',1,'','','','','','','',NULL,'{"duration_s":60.0}');
CREATE TABLE campaign_versions (
	version INTEGER NOT NULL, 
	at_utc TEXT NOT NULL, 
	text TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	parsed TEXT NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "campaign_versions" VALUES(1,'2026-11-21T00:00:00.000000+00:00','campaign: blue-465','abababababababababababababababababababababababababababababababab','{"name":"blue-465"}');
CREATE TABLE commands (
	id INTEGER NOT NULL, 
	verb TEXT NOT NULL, 
	who TEXT NOT NULL, 
	asked_at TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	acknowledged_at TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "commands" VALUES(1,'pause','Mei','2026-11-21T00:00:00.000000+00:00','{}','','');
CREATE TABLE deck (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "deck" VALUES('vials_used','2');
CREATE TABLE diagnostics (
	batch INTEGER NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (batch)
);
INSERT INTO "diagnostics" VALUES(1,'{"confirmed":[]}');
CREATE TABLE events (
	seq INTEGER NOT NULL, 
	at_utc TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	attempt TEXT, 
	experiment TEXT, 
	data TEXT NOT NULL, 
	rows TEXT NOT NULL, 
	prev_hash TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "events" VALUES(1,'2026-11-21T00:00:00.000000+00:00','claimed',NULL,NULL,'{"epoch":1,"pid":24627,"host":"vm"}','{}','0000000000000000000000000000000000000000000000000000000000000000','0234039751ea546ded10894111f448511827fb0a8f0b0cad17e693d79c4f110c');
INSERT INTO "events" VALUES(2,'2026-11-21T00:00:00.000000+00:00','campaign saved',NULL,NULL,'{"sha256":"abababababababababababababababababababababababababababababababab","version":1}','{"campaign_versions/1":"92b05560c17617ccf714ae51dd89fe82b6e9d09ce76530e1edbd114102e4a9f6"}','0234039751ea546ded10894111f448511827fb0a8f0b0cad17e693d79c4f110c','be628f69694c4c3742c4f86efe004d982ceafea7e6bb8581bd706e6d9fd31774');
INSERT INTO "events" VALUES(3,'2026-11-21T00:00:00.000000+00:00','batch suggested',NULL,NULL,'{"batch":1}','{"experiments/blue-465-0001":"224eee21ec7522756066e43319aee6ae574755568758f7d81ab9f6384fad257c","experiments/blue-465-0002":"40c5f6cc1393839301b91f07732eb66b1c754f5959a48ac93b4a5b1f5bd25921","experiments/blue-465-0003":"8057346e100a262b8cd4dcaae0a8b8177a31a2703bdbfe9c491b5aa7a2cd9cbc"}','be628f69694c4c3742c4f86efe004d982ceafea7e6bb8581bd706e6d9fd31774','f5c6681941e57affad54f383afdc693d022fb49110228300bf4d0279c542980b');
INSERT INTO "events" VALUES(4,'2026-11-21T00:00:00.000000+00:00','batch decided',NULL,NULL,'{"batch":1,"who":"Mei","decision":"approved","sha256":"5b54e79d8ce0c9c8c769ac9e581a1020fc0bae26cd57f0dc31a4882500a880aa"}','{"approvals/1":"1ad384c2a6ee5a2eca49ab3884e96117a1c4e06a91c279a2329c85e533b0fe95"}','f5c6681941e57affad54f383afdc693d022fb49110228300bf4d0279c542980b','7fb168425af6fb17f62a39c96bcd70e92265846e67d5c2c03313aee298b0faed');
INSERT INTO "events" VALUES(5,'2026-11-21T00:00:00.000000+00:00','stock loaded',NULL,NULL,'{"stock":"stocks/A1","volume_ul":1000.0,"why":"first load"}','{"stock_ledger/1":"6440b5b9ca539b4b485cb31661523873bff051aa4c7c525de70d4b4b0d1c361b"}','7fb168425af6fb17f62a39c96bcd70e92265846e67d5c2c03313aee298b0faed','009cd0b9379436844a82ce0c2058675a018cfa25eac76cbb4d4560c4de8f4a3b');
INSERT INTO "events" VALUES(6,'2026-11-21T00:00:00.000000+00:00','attempt planned',NULL,NULL,'{"batch":1,"attempt":"blue-465-a001-451fceb4"}','{"attempts/blue-465-a001-451fceb4":"bc964a679869e3a38e56c9c4f2b199f644a144b49363a64ed42e7d08e593525e","experiments/blue-465-0001":"5e1f9de9d719c0928fdb0b472d14c4b3e93d5b94a3f0bd9359c382c1ed2300b9","wells/blue-465-a001-451fceb4/vials/A1":"dfa6c52cc7ed07af811b36e1e7be34be412bc7195dc5f6ed10cffab72c423165","experiments/blue-465-0002":"db4e141bfa34abeb14585ee2fb46bb13426439502e5c382ca2f604d37545aa97","wells/blue-465-a001-451fceb4/vials/A2":"3ab3c41d7288eef0d1a6e5651e8fb5b85f7663bca75e8e29d5a68ff5e669932b"}','009cd0b9379436844a82ce0c2058675a018cfa25eac76cbb4d4560c4de8f4a3b','2e3e6284d37f24203ea6647dd15128e6ad73e6062050aec57aa22484ddc1acea');
INSERT INTO "events" VALUES(7,'2026-11-21T00:00:00.000000+00:00','attempt moved','blue-465-a001-451fceb4',NULL,'{"frm":"PLANNED","to":"RESERVED","draws_ul":{"stocks/A1":300.0}}','{"attempts/blue-465-a001-451fceb4":"595d7a8a24b817c74287e9cd0c5635a7b79f9d1223b0cb982f2c3c5b52b197d0","stock_ledger/2":"136e6baaf6fab5dfa81056426e305b9315b8798cf3692a5ded0b2d6d490b6c69","deck/vials_used":"01562874509aaaad65efcc214f3e7dc87873e1d436e813a5fa5734cefec91e55"}','2e3e6284d37f24203ea6647dd15128e6ad73e6062050aec57aa22484ddc1acea','c781cf1cd87d4cc5b3ff1608660b4928e4d37f7f987d1523f13558f59a414578');
INSERT INTO "events" VALUES(8,'2026-11-21T00:00:00.000000+00:00','attempt moved','blue-465-a001-451fceb4',NULL,'{"frm":"RESERVED","to":"UPLOADED"}','{"attempts/blue-465-a001-451fceb4":"159dc925839871fff9586cfe69584bc85dcd80c3e054d6486fda27563674d322"}','c781cf1cd87d4cc5b3ff1608660b4928e4d37f7f987d1523f13558f59a414578','93796bb5da84c390a355b11573d7c9a500953c2bb356721e4f0825d0c73451b0');
INSERT INTO "events" VALUES(9,'2026-11-21T00:00:00.000000+00:00','attempt moved','blue-465-a001-451fceb4',NULL,'{"frm":"UPLOADED","to":"VERIFIED"}','{"attempts/blue-465-a001-451fceb4":"a85ea9b3dbd33d24a8c46cd6091aa5432b3ac2610c0e6acbdf9ee305532c2565"}','93796bb5da84c390a355b11573d7c9a500953c2bb356721e4f0825d0c73451b0','89f9028367d1b815be195eafa3a114f248c2b7d8bcbf5b39cbebaa33f73c7f55');
INSERT INTO "events" VALUES(10,'2026-11-21T00:00:00.000000+00:00','attempt moved','blue-465-a001-451fceb4',NULL,'{"frm":"VERIFIED","to":"ARMED"}','{"attempts/blue-465-a001-451fceb4":"cc79e6938547a699232bcf5ef4646b0078b8dbbfe9884ab40ec7c6efe6483ec0"}','89f9028367d1b815be195eafa3a114f248c2b7d8bcbf5b39cbebaa33f73c7f55','fd2b2810fc8941dd4418a4a7d7dadae07285c59cd8a8175708d3f43ed70d8934');
INSERT INTO "events" VALUES(11,'2026-11-21T00:00:00.000000+00:00','attempt moved','blue-465-a001-451fceb4',NULL,'{"frm":"ARMED","to":"STARTING"}','{"attempts/blue-465-a001-451fceb4":"e3dc0d5e193743c9c867ae83f1b9dc49f6310f49cc9d10521a52372f60040fbf"}','fd2b2810fc8941dd4418a4a7d7dadae07285c59cd8a8175708d3f43ed70d8934','4069a8049ef8722f1e90eb90e466a1ff1e73ad206d2c64c6a222d93c643d5e7f');
INSERT INTO "events" VALUES(12,'2026-11-21T00:00:00.000000+00:00','attempt moved','blue-465-a001-451fceb4',NULL,'{"frm":"STARTING","to":"VERIFY"}','{"attempts/blue-465-a001-451fceb4":"8aa2f6f4cea184c9031caf0dd9d30c28f1fa4696f3fbb59c0516b711ff4b6aef"}','4069a8049ef8722f1e90eb90e466a1ff1e73ad206d2c64c6a222d93c643d5e7f','51af29afd0aa29404715cf66ac110e0ff310a1b909381b52f9f97e10ede1cd9c');
INSERT INTO "events" VALUES(13,'2026-11-21T00:00:00.000000+00:00','handshake written','blue-465-a001-451fceb4',NULL,'{"command_id":"c1","message":"AT 60 inject vials/A1"}','{"handshakes/blue-465-a001-451fceb4/c1":"cfb435d42962cc905c7eacd13d483d57055588dbb4208c00a101533169c06bda"}','51af29afd0aa29404715cf66ac110e0ff310a1b909381b52f9f97e10ede1cd9c','0d853cf90fa499e17576f212958a6c0b21873d636d1ae7d58d547a822faf8ccf');
INSERT INTO "events" VALUES(14,'2026-11-21T00:00:00.000000+00:00','handshake sent','blue-465-a001-451fceb4',NULL,'{"command_id":"c1"}','{"handshakes/blue-465-a001-451fceb4/c1":"0159c37a45b3f31abdd1377069c326e23f20e4d05baf09140f3bfbdddbf36f06"}','0d853cf90fa499e17576f212958a6c0b21873d636d1ae7d58d547a822faf8ccf','e7d182a571c2d31c176953f5e7f75c26033093975df30a3f7ab1c16410e8b508');
INSERT INTO "events" VALUES(15,'2026-11-21T00:00:00.000000+00:00','well moved','blue-465-a001-451fceb4',NULL,'{"well":"vials/A1","frm":"planned","to":"dispensed","injected_s":60.0}','{"wells/blue-465-a001-451fceb4/vials/A1":"ea9c47ae120824ded7002039f7552c30bfbb873b7c0f294451735315f0cb7597"}','e7d182a571c2d31c176953f5e7f75c26033093975df30a3f7ab1c16410e8b508','412d2a2bb0ec5c60e0da17654f3b8c19683afa4d27659ccb9c3fba9240f3fce1');
INSERT INTO "events" VALUES(16,'2026-11-21T00:00:00.000000+00:00','read saved','blue-465-a001-451fceb4','blue-465-0001','{"label":"sample","well":"vials/A1","outcome":true,"read":1}','{"reads/1":"8834ad3606fdab3818f4e872f0345ca548110205eac71bca3257e9a4ed0af6e9","grids/2c3d6cc8fc7a":"c2acdc9e3554180f0f8a2ea5f7e2b639343f5da17bb94aea8ac4902cb71693e8","spectra/1/0":"6aad10e9b295b267704f47733cc23759acb74a1bd6d03c653f323244f7345c36","wells/blue-465-a001-451fceb4/vials/A1":"3027d91f34fb3e77ae56282fddb6e76ada37ed48c4b20cfe989bfa41deae53ce"}','412d2a2bb0ec5c60e0da17654f3b8c19683afa4d27659ccb9c3fba9240f3fce1','71b7e25b692c0ab0d0274e64a3dcfecaa873a7f0a8281d2ff0454e59113b3c4d');
INSERT INTO "events" VALUES(17,'2026-11-21T00:00:00.000000+00:00','experiment finished',NULL,'blue-465-0001','{"features":{"pl_peak_nm":[465.2,0.3]},"is_hit":true}','{"experiments/blue-465-0001":"f5f1becaa63a2f4bd14cc4249bc29c2170e958ec24a2fe3c300dad9ca53b1bcd"}','71b7e25b692c0ab0d0274e64a3dcfecaa873a7f0a8281d2ff0454e59113b3c4d','4b38e9e3fabb1a3cea0b10a6730bd3c2807a179390d65001171339313486177a');
INSERT INTO "events" VALUES(18,'2026-11-21T00:00:00.000000+00:00','request asked',NULL,NULL,'{"what":"vials","detail":{"why":"new rack"},"request":1}','{"requests/1":"9f7a0a6fb7a667f8505e3eeab15b8c8dcd0dca95fbaa6df6397d249c022b34f1"}','4b38e9e3fabb1a3cea0b10a6730bd3c2807a179390d65001171339313486177a','28ff6d572abda8dff14a44b5392253c4d8368edc3e89330f6b13962c0d9323da');
INSERT INTO "events" VALUES(19,'2026-11-21T00:00:00.000000+00:00','asked',NULL,NULL,'{"verb":"pause","who":"Mei","detail":{},"ask":1}','{"commands/1":"07bfb34777943363c348e9cf3af6468d422c3faceafbeaacacfdb4538598ba3b"}','28ff6d572abda8dff14a44b5392253c4d8368edc3e89330f6b13962c0d9323da','99b0d0d263724ad9b5f09f23ca1ff80f464a78bf507d9722720abfef3f5855b0');
INSERT INTO "events" VALUES(20,'2026-11-21T00:00:00.000000+00:00','diagnostics saved',NULL,NULL,'{"batch":1}','{"diagnostics/1":"08df617abd74d0425c5e48eea894aa867eb010c843e981a7bbbb5f5782a95df9"}','99b0d0d263724ad9b5f09f23ca1ff80f464a78bf507d9722720abfef3f5855b0','6f8009ba407ba9fa083a88a94dce08551dac21e52f247ab2f10a4458f7c31eb4');
INSERT INTO "events" VALUES(21,'2026-11-21T00:00:00.000000+00:00','released',NULL,NULL,'{"epoch":1}','{}','6f8009ba407ba9fa083a88a94dce08551dac21e52f247ab2f10a4458f7c31eb4','a3e66b36d8f67eef80f11c72eda469d1ec2dd0e8f223a71d31572a83b822370b');
CREATE TABLE experiments (
	id TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	batch INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	suggestion TEXT NOT NULL, 
	recipe TEXT NOT NULL, 
	well TEXT NOT NULL, 
	attempt TEXT, 
	executed TEXT NOT NULL, 
	features TEXT NOT NULL, 
	flags TEXT NOT NULL, 
	is_hit BOOLEAN, 
	outcome_read INTEGER, 
	PRIMARY KEY (id), 
	CONSTRAINT fk_experiments_attempt FOREIGN KEY(attempt) REFERENCES attempts (id), 
	CONSTRAINT uq_experiments_batch_position UNIQUE (batch, position), 
	CONSTRAINT uq_experiments_seq UNIQUE (seq)
);
INSERT INTO "experiments" VALUES('blue-465-0001',1,1,0,'measured','explore','{"design":{"pb_to_cs":2.0}}','{}','vials/A1','blue-465-a001-451fceb4','{"design":{"pb_to_cs":2.0}}','{"flags":[],"values":{"pl_peak_nm":[465.2,0.3]}}','[]',1,1);
INSERT INTO "experiments" VALUES('blue-465-0002',2,1,1,'planned','explore','{"design":{"pb_to_cs":3.0}}','{}','vials/A2','blue-465-a001-451fceb4','{}','{"flags":[],"values":{}}','[]',NULL,NULL);
INSERT INTO "experiments" VALUES('blue-465-0003',3,1,2,'suggested','explore','{"design":{"pb_to_cs":4.0}}','{}','',NULL,'{}','{"flags":[],"values":{}}','[]',NULL,NULL);
CREATE TABLE grids (
	id TEXT NOT NULL, 
	wavelength_nm BLOB NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "grids" VALUES('2c3d6cc8fc7a',X'78012DC95B0D80401043D14A592923654D00E11118DEE002292365A50069FB737253E09B55F603AF6934142DB58E7AAF7FD03FEA9FA4D3227D66A78586CC2B1B1B7DA4EDEC22FD60A79386CC171BB7BD0C761BA9');
CREATE TABLE handshakes (
	attempt TEXT NOT NULL, 
	command_id TEXT NOT NULL, 
	message TEXT NOT NULL, 
	written_at TEXT NOT NULL, 
	released_s FLOAT, 
	sent BOOLEAN NOT NULL, 
	PRIMARY KEY (attempt, command_id), 
	CONSTRAINT ck_handshakes_released_s CHECK (abs(released_s) < 1000000000000000), 
	CONSTRAINT fk_handshakes_attempt FOREIGN KEY(attempt) REFERENCES attempts (id)
);
INSERT INTO "handshakes" VALUES('blue-465-a001-451fceb4','c1','AT 60 inject vials/A1','2026-11-21T00:00:00.000000+00:00',60.0,1);
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('head','21 a3e66b36d8f67eef80f11c72eda469d1ec2dd0e8f223a71d31572a83b822370b');
CREATE TABLE owner (
	id INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	pid INTEGER, 
	started TEXT NOT NULL, 
	boot TEXT NOT NULL, 
	host TEXT NOT NULL, 
	since TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "owner" VALUES(1,1,NULL,'1622566','4119cfce-b442-4db8-8f2b-cff7954a3b55','vm','2026-11-21T00:00:00.000000+00:00');
CREATE TABLE reads (
	id INTEGER NOT NULL, 
	attempt TEXT NOT NULL, 
	command_id TEXT NOT NULL, 
	experiment TEXT, 
	well TEXT NOT NULL, 
	label TEXT NOT NULL, 
	time_s FLOAT NOT NULL, 
	since_injection_s FLOAT, 
	since_quench_s FLOAT, 
	features TEXT NOT NULL, 
	flags TEXT NOT NULL, 
	outcome BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_reads_since_injection_s CHECK (abs(since_injection_s) < 1000000000000000), 
	CONSTRAINT ck_reads_since_quench_s CHECK (abs(since_quench_s) < 1000000000000000), 
	CONSTRAINT ck_reads_time_s CHECK (abs(time_s) < 1000000000000000), 
	CONSTRAINT fk_reads_attempt FOREIGN KEY(attempt) REFERENCES attempts (id), 
	CONSTRAINT fk_reads_experiment FOREIGN KEY(experiment) REFERENCES experiments (id), 
	CONSTRAINT uq_reads_attempt_command_id UNIQUE (attempt, command_id)
);
INSERT INTO "reads" VALUES(1,'blue-465-a001-451fceb4','c2','blue-465-0001','vials/A1','sample',960.0,NULL,NULL,'{"flags":[],"values":{"pl_peak_nm":[465.2,0.3]}}','[]',1);
CREATE TABLE requests (
	id INTEGER NOT NULL, 
	what TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	asked_at TEXT NOT NULL, 
	answer TEXT NOT NULL, 
	answered_at TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "requests" VALUES(1,'vials','{"why":"new rack"}','2026-11-21T00:00:00.000000+00:00','','','');
CREATE TABLE spectra (
	read_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	role TEXT NOT NULL, 
	grid TEXT NOT NULL, 
	counts BLOB NOT NULL, 
	time_s FLOAT NOT NULL, 
	instrument TEXT NOT NULL, 
	meta TEXT NOT NULL, 
	PRIMARY KEY (read_id, position), 
	CONSTRAINT ck_spectra_time_s CHECK (abs(time_s) < 1000000000000000), 
	CONSTRAINT fk_spectra_grid FOREIGN KEY(grid) REFERENCES grids (id), 
	CONSTRAINT fk_spectra_read_id FOREIGN KEY(read_id) REFERENCES reads (id)
);
INSERT INTO "spectra" VALUES(1,0,'pl','sample','2c3d6cc8fc7a',X'78012DC95B0D80401043D14A592923654D00E11118DEE002292365A50069FB737253E09B55F603AF6934142DB58E7AAF7FD03FEA9FA4D3227D66A78586CC2B1B1B7DA4EDEC22FD60A79386CC171BB7BD0C761BA9',1.0,'QE-1','{"averages":250,"integration_ms":2.0,"full_well":null}');
CREATE TABLE stock_ledger (
	id INTEGER NOT NULL, 
	stock TEXT NOT NULL, 
	delta_ul FLOAT NOT NULL, 
	why TEXT NOT NULL, 
	attempt TEXT, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_stock_ledger_delta_ul CHECK (abs(delta_ul) < 1000000000000000), 
	CONSTRAINT fk_stock_ledger_attempt FOREIGN KEY(attempt) REFERENCES attempts (id)
);
INSERT INTO "stock_ledger" VALUES(1,'stocks/A1',1000.0,'first load',NULL);
INSERT INTO "stock_ledger" VALUES(2,'stocks/A1',-300.0,'reserved','blue-465-a001-451fceb4');
CREATE TABLE wells (
	attempt TEXT NOT NULL, 
	well TEXT NOT NULL, 
	experiment TEXT NOT NULL, 
	state TEXT NOT NULL, 
	injected_s FLOAT, 
	quenched_s FLOAT, 
	flags TEXT NOT NULL, 
	PRIMARY KEY (attempt, well), 
	CONSTRAINT ck_wells_injected_s CHECK (abs(injected_s) < 1000000000000000), 
	CONSTRAINT ck_wells_quenched_s CHECK (abs(quenched_s) < 1000000000000000), 
	CONSTRAINT fk_wells_attempt FOREIGN KEY(attempt) REFERENCES attempts (id), 
	CONSTRAINT fk_wells_experiment FOREIGN KEY(experiment) REFERENCES experiments (id)
);
INSERT INTO "wells" VALUES('blue-465-a001-451fceb4','vials/A1','blue-465-0001','measured',60.0,NULL,'[]');
INSERT INTO "wells" VALUES('blue-465-a001-451fceb4','vials/A2','blue-465-0002','planned',NULL,NULL,'[]');
CREATE INDEX ix_reads_experiment ON reads (experiment);
COMMIT;
