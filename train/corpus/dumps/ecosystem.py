# ruff: noqa: E501  (tables of expressions read better unbroken)
# fmt: off
"""Smaller packages around tables, arrays and learning: each pickles in its own way."""

from __future__ import annotations

from train.corpus.dumps.tables import table

_DATA = {"np": "numpy", "pd": "pandas"}

table("polars", "polars", {"p": "polars"}, (
    "p.DataFrame({{'{f}': [1, {n}], 'b': ['a', {t}]}})", "p.Series('{f}', [1.5, {x}, None])", "p.col('{f}') * {n}", "p.Int64()",
    "p.DataFrame({{'{f}': [1, {n}]}}).lazy()", "p.Schema({{'{f}': p.Int64(), 's': p.String()}})", "p.List(p.Float32)",
    "p.DataFrame({{'c': ['import os', 'curl -s', {t}]}})", "p.when(p.col('a') > {n}).then(1).otherwise(p.col('{f}'))",
))
table("pyarrow", "pyarrow", {"p": "pyarrow"}, (
    "p.array([1, None, {n}])", "p.table({{'{f}': [1, {n}], 's': ['a', {t}]}})", "p.schema([('{f}', p.int32()), ('b', p.string())])", "p.scalar({x})",
    "p.field('{f}', p.list_(p.float64()))", "p.record_batch({{'{f}': [{n}]}})", "p.array(['a', '{f}']).dictionary_encode()",
    "p.timestamp('us', tz='UTC')", "p.struct([('{f}', p.int8())])", "p.chunked_array([[1], [{n}]])", "p.py_buffer(b'{f}')",
))
table("xarray", "xarray", {"x": "xarray", **_DATA}, (
    "x.DataArray(np.ones(({n}, 2)), dims=('{f}', 'y'))", "x.Dataset({{'{f}': ('x', [1, {n}])}}, attrs={{'title': {t}}})",
    "x.Variable('{f}', [1, {n}])", "x.DataArray([1, {n}], coords={{'t': pd.date_range('2020', periods=2)}}, dims='t')",
    "x.Dataset(coords={{'{f}': [{n}]}})",
))
table("dask", "dask", {"d": "dask", "b": "dask:delayed"}, (
    "b(len)('{f}')", "b(sum)([1, {n}])", "b({t}.upper)()", "d.config.get('temporary-directory')", "[b(max)(1, {n}), b(print)('{f}')]",
))
table("pillow", "PIL.Image", {"i": "PIL.Image", "p": "PIL.ImageFont"}, (
    "i.new('RGB', ({n}, 4), 'red')", "i.new('L', (3, {n}))", "i.new('P', ({n}, 2))", "i.Resampling.BILINEAR", "i.new('RGBA', (2, 2)).convert('1')",
))
table("h5py", "h5py", {"h": "h5py"}, ("h.Empty('f4')", "h.string_dtype()", "{{'open': h.File, '{f}': {n}}}"))
table("hmmlearn", "hmmlearn.hmm", {"h": "hmmlearn.hmm", **_DATA}, (
    "h.GaussianHMM({n} % 3 + 2, n_iter=2).fit(np.random.rand(40, 2))", "h.CategoricalHMM(2, n_iter=2).fit(np.arange(30)[:, None] % 3)",
    "h.GMMHMM({n})", "h.GaussianHMM({n}, covariance_type='full')", "h.PoissonHMM(2, n_iter=1).fit(np.arange(30)[:, None] % {n})",
))
table("lifelines", "lifelines", {"l": "lifelines", **_DATA}, (
    "l.KaplanMeierFitter().fit(np.arange(1, {n} + 5))", "l.NelsonAalenFitter().fit(np.arange(1, {n} + 5))",
    "l.ExponentialFitter().fit(np.arange(1, {n} + 5))", "l.WeibullFitter().fit(np.arange(1., {n} + 9))", "l.CoxPHFitter(penalizer={x})",
    "l.BreslowFlemingHarringtonFitter()",
    "l.CoxPHFitter(penalizer=1).fit(pd.DataFrame({{'T': np.arange(1, 21), 'E': 1, '{f}': np.random.rand(20)}}), 'T', 'E')",
))
table("mlxtend", "mlxtend", {"c": "mlxtend.classifier", "p": "mlxtend.preprocessing", "f": "mlxtend.feature_selection", "s": "sklearn.linear_model"}, (
    "c.EnsembleVoteClassifier([s.LogisticRegression(), s.Perceptron()])", "p.TransactionEncoder().fit([['{f}', 'a'], ['exec']])",
    "c.SoftmaxRegression(epochs={n})", "c.StackingClassifier([s.LogisticRegression()], s.LogisticRegression())",
    "f.SequentialFeatureSelector(s.Ridge(), {n})", "p.DenseTransformer()", "f.ColumnSelector(('{f}', 'b'))", "p.MeanCenterer()",
))
table("ngboost", "ngboost", {"g": "ngboost", "d": "ngboost.distns", **_DATA}, (
    "g.NGBRegressor(n_estimators=3, verbose=False).fit(np.random.rand(30, 3), np.arange(30) % 2)", "g.NGBRegressor(n_estimators={n}, verbose=False)",
    "g.NGBClassifier(learning_rate={x}, verbose=False)", "d.Normal", "d.LogNormal",
))
table("pyod", "pyod", {"k": "pyod.models.knn", "h": "pyod.models.hbos", "i": "pyod.models.iforest", "e": "pyod.models.ecod", "c": "pyod.models.copod", "p": "pyod.models.pca", **_DATA}, (
    "k.KNN(n_neighbors={n} % 5 + 1).fit(np.random.rand(30, 3))", "h.HBOS({n}).fit(np.random.rand(30, 3))",
    "i.IForest(n_estimators=3).fit(np.random.rand(30, 2))", "e.ECOD().fit(np.random.rand({n}, 3))", "c.COPOD().fit(np.random.rand({n}, 3))",
    "p.PCA(contamination={x} / 2)",
))
table("river", "river", {"r": "river", "l": "river.linear_model", "p": "river.preprocessing", "t": "river.tree", "s": "river.stats", "c": "river.compose", "d": "river.drift", "nb": "river.naive_bayes"}, (
    "l.LogisticRegression(l2={x})", "p.StandardScaler() | l.LinearRegression()", "t.HoeffdingTreeClassifier(grace_period={n})", "s.Mean()",
    "s.Quantile({x})", "c.Select('{f}') | p.MinMaxScaler()", "d.ADWIN(delta={x})", "nb.MultinomialNB()",
    "l.LogisticRegression().learn_one({{'{f}': {n}}}, True)",
))
table("tslearn", "tslearn", {"c": "tslearn.clustering", "n": "tslearn.neighbors", "p": "tslearn.preprocessing", **_DATA}, (
    "c.TimeSeriesKMeans(2, max_iter=2).fit(np.random.rand(6, {n}, 1))", "n.KNeighborsTimeSeriesClassifier({n})", "p.TimeSeriesScalerMinMax()",
    "c.KShape({n})",
))
table("skorch", "skorch", {"s": "skorch", "nn": "torch.nn", "c": "skorch.callbacks", "d": "skorch.dataset"}, (
    "s.NeuralNetClassifier(nn.Linear, module__in_features={n}, module__out_features=2)", "c.EarlyStopping(patience={n})",
    "c.Checkpoint(dirname='/tmp/{f}')", "s.NeuralNetRegressor(nn.Linear, module__in_features={n}, module__out_features=1, max_epochs=1).initialize()",
    "c.EpochScoring('{f}')", "d.ValidSplit({n})",
))
table("sklearn-crfsuite", "sklearn_crfsuite", {"s": "sklearn_crfsuite"}, (
    "s.CRF(c1={x}, max_iterations=3).fit([[{{'w': '{f}'}}, {{'w': 'exec'}}]] * 4, [['B', 'O']] * 4)", "s.CRF(algorithm='lbfgs', max_iterations={n})",
))
table("rank-bm25", "rank_bm25", {"r": "rank_bm25"}, (
    "r.BM25Okapi([['{f}', 'system'], ['a', 'b'], ['import', 'os']])", "r.BM25Plus([['{f}'], ['c', 'd']])", "r.BM25L([{t}.split() or ['a'], ['{f}']])",
))
table("kmodes", "kmodes", {"k": "kmodes.kmodes", "p": "kmodes.kprototypes", **_DATA}, (
    "k.KModes(2, n_init=1).fit(np.array([['a', '{f}'], ['b', 'c']] * 6))", "k.KModes({n})", "p.KPrototypes({n})",
))
table("gplearn", "gplearn", {"g": "gplearn.functions", "f": "gplearn.fitness", "p": "gplearn.genetic"}, (
    "g.add2", "g._Function(len, '{f}', 1)", "p.SymbolicRegressor(population_size={n})",
))
table("bayesian-optimization", "bayes_opt", {"b": "bayes_opt", "a": "bayes_opt.acquisition"}, (
    "b.BayesianOptimization(f=None, pbounds={{'{f}': (0, {n})}}, random_state=1)", "a.UpperConfidenceBound(kappa={n})",
    "a.ExpectedImprovement(xi={x})",
))
table("filterpy", "filterpy", {"k": "filterpy.kalman"}, (
    "k.KalmanFilter({n} % 4 + 2, 1)", "k.ExtendedKalmanFilter(2, 1)", "k.MerweScaledSigmaPoints(2, {x}, 2, 1)",
))
table("pykalman", "pykalman", {"k": "pykalman", **_DATA}, ("k.KalmanFilter(n_dim_obs={n})", "k.KalmanFilter(transition_matrices=[[1, {x}], [0, 1]])"))
table("umap-learn", "umap", {"u": "umap"}, ("u.UMAP(n_neighbors={n})", "u.UMAP(metric='cosine', min_dist={x})"))
table("hdbscan", "hdbscan", {"h": "hdbscan", **_DATA}, ("h.HDBSCAN(min_cluster_size={n}).fit(np.random.rand(40, 2))", "h.HDBSCAN({n})"))
table("implicit", "implicit", {"a": "implicit.als", "b": "implicit.nearest_neighbours", "s": "scipy.sparse", **_DATA}, (
    "a.AlternatingLeastSquares(factors={n}, iterations=1)", "b.CosineRecommender(K={n})", "b.BM25Recommender(K={n})",
))
table("arch", "arch", {"a": "arch", "u": "arch.univariate", **_DATA}, (
    "a.arch_model(np.random.rand(60) * 10, vol='GARCH')", "u.ConstantMean(np.random.rand({n}))", "u.GARCH(1, 0, 1)", "u.Normal()", "u.ARCH({n})",
))
table("feature-engine", "feature_engine", {"e": "feature_engine.encoding", "i": "feature_engine.imputation", **_DATA}, (
    "e.RareLabelEncoder(tol={x})", "i.MeanMedianImputer('median')", "e.OneHotEncoder(top_categories={n})",
    "e.CountFrequencyEncoder(variables=['{f}'])", "e.OrdinalEncoder('arbitrary').fit(pd.DataFrame({{'{f}': ['a', 'exec'] * 5}}))",
))
table("hyperopt", "hyperopt", {"h": "hyperopt", "p": "hyperopt:hp"}, (
    "h.Trials()", "{{'{f}': p.uniform('{f}', 0, {n}), 'c': p.choice('c', ['a', {t}])}}", "p.loguniform('{f}', -{n}, 0)", "h.STATUS_OK",
    "[p.randint('r', {n}), h.Trials()]",
))
table("deap", "deap", {"b": "deap.base", "t": "deap.tools", "g": "deap.gp"}, (
    "b.Toolbox()", "t.HallOfFame({n})", "t.Statistics(len)", "t.Logbook()", "t.ParetoFront()", "g.PrimitiveSet('{f}', {n} % 3 + 1)",
    "t.selTournament", "t.MultiStatistics(a=t.Statistics(sum))",
))
table("scikit-image", "skimage", {"t": "skimage.transform", "m": "skimage.measure", **_DATA}, (
    "t.AffineTransform(scale=({n}, 1))", "t.EuclideanTransform(rotation={x})", "t.ProjectiveTransform()", "m.CircleModel()",
    "t.PiecewiseAffineTransform()",
))
