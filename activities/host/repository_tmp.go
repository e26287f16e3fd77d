package host

type Repository interface{}
